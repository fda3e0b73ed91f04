import { afterEach, describe, expect, test } from "bun:test";
import { issueServer, makeAuthority } from "../../../../controller/certificates/pki.ts";
import type { IngressRecord, ServiceRecord } from "../../../../core/route-table.ts";
import { connect as connectTls } from "node:tls";
import { serveHttp } from "../../../../proxy/http/exchange.ts";
import { Certificates } from "../../../../proxy/gateway/certificates.ts";
import { countConnections } from "../../../../proxy/gateway/connections.ts";
import { decideFromOutside, type Arrival, type Door } from "../../../../proxy/gateway/decide.ts";
import { listenTls } from "../../../../proxy/gateway/tls-listener.ts";
import { RouteTable } from "../../../../core/routing.ts";
import { front, namedServer, rawClient, service, snapshot } from "../raw-peers.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

const ARRIVAL: Arrival = { scheme: "http", peer: "192.0.2.1" };

function doorOf(
  services: readonly ServiceRecord[],
  over: Partial<Door> & { ingresses?: readonly IngressRecord[] } = {},
): Door {
  const table = new RouteTable();
  const first = snapshot(services);
  table.apply(first.type === "snapshot" ? { ...first, ingresses: over.ingresses ?? [] } : first);
  return { table, hostSuffix: ".gw.test", trustExternalHeader: false, ...over };
}

function policyOf(door: Door, arrival = ARRIVAL) {
  return {
    decide: decideFromOutside.bind(undefined, door, arrival),
    unreachable: () => ({ kind: "answer", status: 502, text: "unreachable\n" }) as const,
  };
}

function listening(door: Door): number {
  const server = front((client) => serveHttp({ client, policy: policyOf(door) }));
  cleanup.push(server.stop);
  return server.port;
}

async function web(namespace: string, name = "web") {
  const server = await namedServer(`from-${name}-${namespace}`);
  cleanup.push(server.close);
  const record = service({
    namespace,
    name,
    ports: [{ name: "http", port: 80, target: server.port }],
    endpoints: [server.address],
  });
  return { server, record };
}

async function exchange(
  port: number,
  host: string,
  options: { path?: string; lines?: readonly string[] } = {},
): Promise<string> {
  const head = [`GET ${options.path ?? "/"} HTTP/1.1`, `Host: ${host}`, "Connection: close", ...(options.lines ?? [])];
  const client = await rawClient(port, `${head.join("\r\n")}\r\n\r\n`);
  const text = await client.all().catch(String);
  client.socket.destroy();
  return text;
}

describe("decideFromOutside()", () => {
  test("routes by host and takes away what only the gateway may say", async () => {
    const [dev, alice] = [await web("dev"), await web("alice")];
    const port = listening(doorOf([dev.record, alice.record]));
    const lines = [
      "azds-route-as: alice",
      "Azds-Routed-To: alice/web",
      "X-Forwarded-For: 6.6.6.6",
      "X-Own: kept",
      "Baggage: a=1,azds-route-as=alice",
    ];
    expect(await exchange(port, "dev.web.gw.test", { lines })).toContain("from-web-dev");
    const received = dev.server.received();
    expect(received.toLowerCase()).not.toContain("azds-route-as");
    expect(received).toContain("Baggage: a=1\r\n");
    expect(received).not.toContain("alice/web");
    expect(received).not.toContain("6.6.6.6");
    expect(received).toContain("X-Own: kept\r\n");
    expect(received).toContain("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n");
    expect(await exchange(port, "alice.s.dev.web.gw.test:80", { lines })).toContain("from-web-alice");
    expect(alice.server.received()).toContain("azds-route-as: alice\r\nazds-routed-to: alice/web\r\n");
  });

  test("keeps the route header when it is trusted, and never the hop mark", async () => {
    const [dev, alice] = [await web("dev"), await web("alice")];
    const port = listening(doorOf([dev.record, alice.record], { trustExternalHeader: true }));
    const lines = ["azds-route-as: alice", "azds-routed-to: dev/web"];
    expect(await exchange(port, "dev.web.gw.test", { lines })).toContain("from-web-alice");
    expect(alice.server.received()).not.toContain("dev/web");
    expect(alice.server.received().match(/azds-route-as/g)).toHaveLength(1);
  });

  test("answers an unknown host with those that are known, as HTML where it is asked for, escaped", async () => {
    const { record } = await web("dev");
    const port = listening(doorOf([record]));
    const text = await exchange(port, "no.thing");
    expect(text).toStartWith("HTTP/1.1 404");
    expect(text).toContain("  http://dev.web.gw.test/\n");
    const page = await exchange(port, '"><script>', { lines: ["Accept: text/html,*/*"] });
    expect(page).toContain("Content-Type: text/html");
    expect(page).not.toContain("<script>");
    expect(page).toContain('<a href="http://dev.web.gw.test/">');
  });

  test("lets no request cross into another tree, neither by host nor by a trusted header", async () => {
    const [dev, other] = [await web("dev"), await web("other")];
    const door = doorOf([], { trustExternalHeader: true });
    const spaces = [{ name: "dev" }, { name: "other" }];
    const services = [dev.record, other.record];
    door.table.apply({ type: "snapshot", version: { replica: "a", counter: 2 }, spaces, services });
    const port = listening(door);
    expect(await exchange(port, "other.s.dev.web.gw.test")).toStartWith("HTTP/1.1 404");
    expect(await exchange(port, "dev.web.gw.test", { lines: ["azds-route-as: other"] })).toContain("from-web-dev");
  });

  test("says that routes are not known before the first table", async () => {
    const door = { table: new RouteTable(), hostSuffix: ".gw.test", trustExternalHeader: false };
    expect(await exchange(listening(door), "dev.web.gw.test")).toStartWith("HTTP/1.1 503");
  });

  test("follows the rules of an Ingress, for children too, and names a Service that is missing", async () => {
    const [dev, api, alice] = [await web("dev"), await web("dev", "api"), await web("alice")];
    const backend = (name: string) => ({ service: name, port: "http" });
    const ingress: IngressRecord = {
      namespace: "dev",
      name: "shop",
      certificates: [],
      rules: [
        { host: "shop.test", path: "/", exact: false, backend: backend("web") },
        { host: "shop.test", path: "/api", exact: false, backend: { service: "api", port: 80 } },
        { host: "shop.test", path: "/gone", exact: true, backend: backend("gone") },
      ],
    };
    const port = listening(doorOf([dev.record, api.record, alice.record], { ingresses: [ingress] }));
    expect(await exchange(port, "SHOP.test:80", { path: "/x?y=/api" })).toContain("from-web-dev");
    expect(await exchange(port, "shop.test", { path: "/api/v1" })).toContain("from-api-dev");
    expect(await exchange(port, "shop.test", { path: "/gone" })).toContain("`dev/gone`, which does not exist");
    expect(await exchange(port, "alice.s.shop.test")).toContain("from-web-alice");
    expect(alice.server.received()).toContain("azds-route-as: alice\r\n");
  });
});

describe("listenTls()", () => {
  test("gives each name its certificate, follows a new one, and refuses names without any", async () => {
    const authority = await makeAuthority(Date.now());
    const [own, other] = [
      await issueServer(authority, ["a.test"], Date.now()),
      await issueServer(authority, ["b.test"], Date.now()),
    ];
    const { record, server } = await web("dev");
    const certificates = new Certificates();
    const ingresses: IngressRecord[] = [
      {
        namespace: "dev",
        name: "x",
        rules: [],
        certificates: [{ hosts: ["b.test"], cert: other.cert, key: other.key }],
      },
    ];
    const tls = await listenTls({
      port: 0,
      contextFor: (name) => certificates.find(ingresses, name),
      accept: (client) => serveHttp({ client, policy: policyOf(doorOf([record]), { ...ARRIVAL, scheme: "https" }) }),
    });
    cleanup.push(tls.stop);
    const ask = async (name: string): Promise<string> =>
      new Promise((resolve) => {
        let text = "";
        const socket = connectTls({ host: "127.0.0.1", port: tls.port, servername: name, ca: authority.cert }, () =>
          socket.write("GET / HTTP/1.1\r\nHost: dev.web.gw.test\r\nConnection: close\r\n\r\n"),
        );
        socket.on("data", (bytes) => (text += String(bytes)));
        socket.on("end", () => resolve(text === "" ? "refused" : text));
        socket.on("error", () => resolve("refused"));
        socket.on("close", () => resolve(text === "" ? "refused" : text));
      });
    expect(await ask("a.test")).toBe("refused");
    certificates.setDefault(own);
    expect(await ask("a.test")).toContain("from-web-dev");
    expect(await ask("b.test")).toContain("from-web-dev");
    expect(server.received()).toContain("X-Forwarded-Proto: https\r\n");
    expect(() => certificates.setDefault({ cert: "none", key: "none" })).toThrow();
    expect(await ask("a.test")).toContain("from-web-dev");
  });
});

test("TLS takes HTTP/1.1 of clients that offer it, and HTTP/2 of those that offer nothing else", async () => {
  const authority = await makeAuthority(Date.now());
  const certificates = new Certificates();
  certificates.setDefault(await issueServer(authority, ["a.test"], Date.now()));
  const tls = await listenTls({
    port: 0,
    contextFor: (name) => certificates.find([], name),
    accept: (client) => client.close(),
  });
  cleanup.push(tls.stop);
  const chosen = async (...offered: readonly string[]): Promise<string | false | null> =>
    new Promise((resolve, reject) => {
      const place = { host: "127.0.0.1", port: tls.port, servername: "a.test", ca: authority.cert };
      const socket = connectTls({ ...place, ALPNProtocols: [...offered] }, () => {
        resolve(socket.alpnProtocol);
        socket.destroy();
      });
      socket.once("error", reject);
    });
  expect(await chosen("h2", "http/1.1")).toBe("http/1.1");
  expect(await chosen("http/1.1")).toBe("http/1.1");
  expect(await chosen("h2")).toBe("h2");
  expect(await chosen()).toBe(false);
});

test("countConnections() counts what may still be sent or read on our own ports", () => {
  const line = (local: string, state: string): string =>
    `   0: 0100007F:${local} 0100007F:C001 ${state} 00000000:00000000`;
  const states = Array.from({ length: 12 }, (_, index) => (index + 1).toString(16).toUpperCase().padStart(2, "0"));
  const counted = states.filter((state) =>
    countConnections(["  sl  local_address", line("4BF7", state), line("0050", state), ""].join("\n"), [0x4bf7]),
  );
  expect(counted).toEqual(["01", "04", "08", "09", "0B"]);
});
