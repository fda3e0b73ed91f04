/** Inbound connections against real servers; the redirect is replaced by a function. */
import { afterEach, describe, expect, test } from "bun:test";
import type { ServiceRecord } from "../../../../core/route-table.ts";
import type { Endpoint } from "../../../../proxy/tcp/dial.ts";
import { acceptInbound } from "../../../../proxy/sidecar/inbound.ts";
import { acceptOutbound } from "../../../../proxy/sidecar/outbound.ts";
import type { Pod } from "../../../../proxy/sidecar/pod.ts";
import {
  closedPort,
  front,
  namedServer,
  pod,
  rawClient,
  rawServer,
  redirected,
  service,
  sidecarConfig,
} from "../raw-peers.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

function inbound(of: Pod): Endpoint {
  const listening = front(redirected(acceptInbound(of), "10.0.0.1"));
  cleanup.push(listening.stop);
  return { address: "127.0.0.1", port: listening.port };
}

async function named(name: string) {
  const server = await namedServer(name);
  cleanup.push(server.close);
  return server;
}

function api(namespace: string, at: Endpoint): ServiceRecord {
  return { ...web(namespace, at), name: "api", uid: `${namespace}-api` };
}

function web(namespace: string, at: Endpoint): ServiceRecord {
  return service({
    namespace,
    name: "web",
    ports: [{ name: "http", port: 80, target: at.port }],
    endpoints: [at.address],
  });
}

const request = (...lines: readonly string[]): string => `${["GET / HTTP/1.1", ...lines].join("\r\n")}\r\n\r\n`;

describe("acceptInbound()", () => {
  test("sends a request of a nearer instance on, marked, and the others to the application", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const of = pod(dev, { services: [web("dev", dev), web("alice", alice)] });
    const client = await rawClient(inbound(of).port, request("azds-route-as: alice"));
    await client.until("from-alice");
    expect(alice.received()).toBe(request("azds-route-as: alice", "azds-routed-to: alice/web"));
    client.socket.write(request("azds-route-as: dev"));
    await client.until("from-dev");
    expect(dev.received()).toBe(request("azds-route-as: dev"));
    expect(of.counters.forwarded).toBe(1);
    client.socket.destroy();
  });

  test("holds a request to a session's application until it listens again", async () => {
    const at = await closedPort();
    const config = sidecarConfig({ session: "azds-abc123" });
    const client = await rawClient(inbound(pod(at, { services: [web("dev", at)], config })).port, request());
    await Bun.sleep(60);
    const answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate";
    const late = await rawServer((socket) => socket.end(answer), at.port);
    cleanup.push(late.close);
    await client.until("late");
    client.socket.destroy();
  });

  test("delivers what is marked for it, without the mark", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const client = await rawClient(
      inbound(pod(dev, { services: [web("dev", dev), web("alice", alice)] })).port,
      request("azds-routed-to: dev/web", "azds-route-as: alice"),
    );
    await client.until("from-dev");
    expect(dev.received()).toBe(request("azds-route-as: alice"));
    client.socket.destroy();
  });

  test("decides by itself about a mark that names another service", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const client = await rawClient(
      inbound(pod(dev, { services: [web("dev", dev), web("alice", alice)] })).port,
      request("azds-routed-to: dev/api", "azds-route-as: alice"),
    );
    await client.until("from-alice");
    client.socket.destroy();
  });

  test("falls back to the application when the nearer instance refuses", async () => {
    const [dev, gone] = [await named("from-dev"), await closedPort()];
    const client = await rawClient(
      inbound(pod(dev, { services: [web("dev", dev), web("alice", gone)] })).port,
      request("azds-route-as: alice"),
    );
    await client.until("from-dev");
    client.socket.destroy();
  });

  test("sets the header from the host where it is absent, and never overwrites it", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const port = inbound(pod(dev, { services: [web("dev", dev), web("alice", alice)] })).port;
    const host = "Host: alice.s.dev.web.azds.localhost";
    const client = await rawClient(port, request(host));
    await client.until("from-alice");
    expect(alice.received()).toBe(request(host, "azds-route-as: alice", "azds-routed-to: alice/web"));
    client.socket.write(request(host, "azds-route-as: dev"));
    await client.until("from-dev");
    expect(dev.received()).toBe(request(host, "azds-route-as: dev"));
    client.socket.destroy();
  });

  test("tells two Services of one pod and port apart by a host of the user's own Ingress", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const of = pod(dev, { services: [api("dev", dev), web("dev", dev), web("alice", alice)] });
    const { port } = inbound(of);
    const client = await rawClient(port, request("Host: alice.s.dev.web.example.com:8443"));
    await client.until("from-alice");
    client.socket.write(request("Host: alice.s.dev.api.example.com"));
    await client.until("from-dev");
    expect(of.counters.forwarded).toBe(1);
    client.socket.destroy();
  });

  test("refuses every port of the sidecar and the agent", async () => {
    for (const port of [19001, 19006, 19020, 19050, 19060, 19070, 19080]) {
      const of = pod({ address: "10.0.0.9", port });
      const client = await rawClient(inbound(of).port, request());
      expect(await client.failure()).toBe("ECONNRESET");
      expect(of.counters.refused).toBe(1);
    }
  });

  test("relays the ports that the pod calls opaque", async () => {
    const echo = await rawServer((socket) => socket.on("data", (bytes) => socket.write(bytes)));
    cleanup.push(echo.close);
    const client = await rawClient(
      inbound(pod(echo, { config: sidecarConfig({ opaquePorts: [echo.port] }) })).port,
      request("azds-routed-to: a/b"),
    );
    await client.until("azds-routed-to: a/b");
    client.socket.destroy();
  });

  test("an application that copies every header onward changes nothing", async () => {
    // dev's web copies all it got to dev's api; alice has both.
    const [devApi, aliceApi] = [await named("api-dev"), await named("api-alice")];
    const services: ServiceRecord[] = [api("dev", devApi), api("alice", aliceApi)];
    const outbound = front(redirected(acceptOutbound(pod(devApi, { services }))));
    cleanup.push(outbound.stop);
    const copying = await rawServer((socket) => {
      socket.once(
        "data",
        (bytes) => void rawClient(outbound.port, bytes).then(async (client) => socket.end(await client.until("api-"))),
      );
    });
    cleanup.push(copying.close);
    const client = await rawClient(
      inbound(pod(copying, { services: [...services, web("dev", copying)] })).port,
      request("azds-routed-to: dev/web", "azds-route-as: alice"),
    );
    await client.until("api-alice");
    client.socket.destroy();
  });
});
