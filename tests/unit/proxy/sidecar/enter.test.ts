import { afterEach, describe, expect, test } from "bun:test";
import type { ServiceRecord } from "../../../../core/route-table.ts";
import { acceptEnter } from "../../../../proxy/sidecar/enter.ts";
import { closedPort, front, namedServer, pod, rawClient, web } from "../raw-peers.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

function enter(services: readonly ServiceRecord[]): number {
  const of = pod(undefined, { services });
  const listening = front(acceptEnter(of));
  cleanup.push(listening.stop);
  return listening.port;
}

async function named(name: string) {
  const server = await namedServer(name);
  cleanup.push(server.close);
  return server;
}

const to = (host: string, ...lines: readonly string[]): string =>
  `${["GET / HTTP/1.1", `Host: ${host}`, ...lines].join("\r\n")}\r\n\r\n`;

describe("acceptEnter()", () => {
  test("routes by host: the root's service, and the child's with the header set", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const client = await rawClient(enter([web("dev", dev), web("alice", alice)]), to("dev.web.azds.localhost:8080"));
    await client.until("from-dev");
    expect(dev.received()).not.toContain("azds-route-as");
    client.socket.write(to("alice.s.dev.web.azds.localhost:8080"));
    await client.until("from-alice");
    expect(alice.received()).toContain("azds-route-as: alice\r\nazds-routed-to: alice/web\r\n");
    client.socket.destroy();
  });

  test("goes up the tree where the child has no such service, or it is not ready, and keeps the header", async () => {
    const dev = await named("from-dev");
    for (const services of [[web("dev", dev)], [web("dev", dev), web("alice", dev, { endpoints: [], uid: "idle" })]]) {
      const client = await rawClient(enter(services), to("tiny.s.dev.web.azds.localhost"));
      await client.until("from-dev");
      client.socket.destroy();
    }
    expect(dev.received()).toContain("azds-route-as: tiny\r\n");
  });

  test("leads a name of the cluster's DNS where it leads the pod's application", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const port = enter([web("dev", dev, { endpoints: [dev.address] }), web("alice", alice)]);
    const at = dev.port;
    for (const host of ["web", "web.dev", "web.dev.svc.cluster.local"]) {
      const client = await rawClient(port, to(`${host}:${at}`));
      await client.until("from-dev");
      client.socket.write(to(`${host}:${at}`, "azds-route-as: alice"));
      await client.until("from-alice");
      client.socket.destroy();
    }
    expect(dev.received()).not.toContain("azds-route");
  });

  test("answers an unknown host with the hosts that are known", async () => {
    const at = await closedPort();
    const port = enter([web("dev", at), web("alice", at)]);
    for (const host of ["example.com", "nope.s.dev.web.azds.localhost", "dev.nope.azds.localhost"]) {
      const client = await rawClient(port, to(host));
      const answer = await client.all();
      expect(answer).toStartWith("HTTP/1.1 404 ");
      expect(answer).toContain("http://dev.web.azds.localhost/\n");
      expect(answer).toContain("http://alice.s.dev.web.azds.localhost/\n");
    }
  });

  test("says that nobody is ready, and that nobody accepts", async () => {
    const at = await closedPort();
    const idle = await rawClient(enter([web("dev", at, { endpoints: [] })]), to("dev.web.azds.localhost"));
    expect(await idle.all()).toStartWith("HTTP/1.1 503 ");
    const refusing = await rawClient(enter([web("dev", at)]), to("dev.web.azds.localhost"));
    expect(await refusing.all()).toStartWith("HTTP/1.1 502 ");
  });
});
