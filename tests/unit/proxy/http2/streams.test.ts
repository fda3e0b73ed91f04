/** Streams of real clients to real servers, through the sidecar's outbound and inbound side. */
import { afterEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import { connect as connectTcp } from "node:net";
import { acceptInbound } from "../../../../proxy/sidecar/inbound.ts";
import { acceptOutbound } from "../../../../proxy/sidecar/outbound.ts";
import type { Pod } from "../../../../proxy/sidecar/pod.ts";
import { closedPort, front, pod, redirected, web } from "../raw-peers.ts";
import { http2Server, type Http2Server } from "./http2-peers.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).toReversed()) await undo();
});

async function server(...parameters: Parameters<typeof http2Server>): Promise<Http2Server> {
  const made = await http2Server(...parameters);
  cleanup.push(made.close);
  return made;
}

function session(of: Pod, direction: "in" | "out" = "out"): ClientHttp2Session {
  const listening = front(redirected(direction === "in" ? acceptInbound(of) : acceptOutbound(of)));
  const client = connect(`http://127.0.0.1:${listening.port}`);
  client.on("error", () => {});
  cleanup.push(listening.stop, () => client.destroy());
  return client;
}

interface Response {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders | undefined;
}

async function request(
  client: ClientHttp2Session,
  headers: OutgoingHttpHeaders = {},
  body?: Buffer,
): Promise<Response> {
  const stream = client.request({ ":path": "/", ...headers }, { endStream: body === undefined });
  let trailers: IncomingHttpHeaders | undefined;
  stream.on("trailers", (fields: IncomingHttpHeaders) => {
    trailers = fields;
  });
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  let received: IncomingHttpHeaders = {};
  stream.on("response", (fields: IncomingHttpHeaders) => {
    received = fields;
  });
  const ended = once(stream, "end");
  if (body !== undefined) stream.end(body);
  await ended;
  return { headers: received, body: Buffer.concat(parts), trailers };
}

describe("acceptOutbound() routes each stream of a connection", () => {
  test("by its header, and without it to the original", async () => {
    const [dev, alice] = [await server("from-dev"), await server("from-alice")];
    const declared = { ports: [{ name: "http", port: 80, target: dev.port, hint: "http" as const }] };
    const of = pod(dev, { services: [web("dev", dev, declared), web("alice", alice)] });
    const client = session(of);
    const spaces = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? "alice" : undefined));
    const answers = await Promise.all(
      spaces.map((space) => request(client, space === undefined ? {} : { "azds-route-as": space })),
    );
    expect(answers.map(({ body }) => body.toString())).toEqual(
      spaces.map((space) => (space === undefined ? "from-dev" : "from-alice")),
    );
    expect([dev.sessions(), alice.sessions()]).toEqual([1, 1]);
    expect(alice.requests[0]).toMatchObject({ "azds-route-as": "alice", "azds-routed-to": "alice/web" });
    expect(dev.requests[0]).not.toHaveProperty("azds-routed-to");
    expect(of.counters).toMatchObject({ requests: 40, relayed: 0 });
  });

  test("although a server of HTTP/2 greets before the client has spoken", async () => {
    const [dev, alice] = [await server("from-dev"), await server("from-alice")];
    const listening = front(redirected(acceptOutbound(pod(dev, { services: [web("dev", dev), web("alice", alice)] }))));
    const slow = connectTcp(listening.port, "127.0.0.1");
    cleanup.push(listening.stop, () => slow.destroy());
    await once(slow, "connect");
    while (dev.sessions() === 0) await Bun.sleep(5);
    await Bun.sleep(50);
    const client = connect("http://web", { createConnection: () => slow });
    const { body } = await request(client, { "azds-route-as": "alice" });
    expect(body.toString()).toBe("from-alice");
  });

  test("by its authority", async () => {
    const [dev, alice] = [await server("from-dev"), await server("from-alice")];
    const client = session(pod(dev, { services: [web("dev", dev), web("alice", alice)] }));
    const { body } = await request(client, { ":authority": "alice.s.dev.web.azds.localhost" });
    expect(body.toString()).toBe("from-alice");
    expect(alice.requests[0]).toMatchObject({ "azds-route-as": "alice" });
  });

  test("to the ancestor when the child's refuses", async () => {
    const [dev, gone] = [await server("from-dev"), await closedPort()];
    const client = session(pod(dev, { services: [web("dev", dev), web("alice", gone)] }));
    const { body } = await request(client, { "azds-route-as": "alice" });
    expect(body.toString()).toBe("from-dev");
  });

  test("and strips a hop mark that the application copied", async () => {
    const [dev, alice] = [await server("from-dev"), await server("from-alice")];
    const client = session(pod(dev, { services: [web("dev", dev), web("alice", alice)] }));
    await request(client, { "azds-routed-to": "dev/web", "azds-route-as": "alice" });
    await request(client, { "azds-routed-to": "dev/web" });
    expect(alice.requests[0]?.["azds-routed-to"]).toBe("alice/web");
    expect(dev.requests[0]).not.toHaveProperty("azds-routed-to");
  });

  test("with 503 where nobody accepts connections and other streams are served", async () => {
    const [alice, gone] = [await server("from-alice", { delayMs: 100 }), await closedPort()];
    const client = session(pod(gone, { services: [web("dev", gone), web("alice", alice)] }));
    const slow = request(client, { "azds-route-as": "alice" });
    const { headers } = await request(client);
    expect(Number(headers[":status"])).toBe(503);
    expect((await slow).body.toString()).toBe("from-alice");
  });
});

describe("acceptInbound()", () => {
  test("delivers to the application without the hop mark", async () => {
    const app = await server("from-app");
    const client = session(pod(app, { services: [web("dev", app)] }), "in");
    await request(client, { "azds-routed-to": "dev/web", "azds-route-as": "alice" });
    expect(app.requests[0]).toMatchObject({ "azds-route-as": "alice" });
    expect(app.requests[0]).not.toHaveProperty("azds-routed-to");
  });

  test("forwards once to a nearer instance", async () => {
    const [app, alice] = [await server("from-app"), await server("from-alice")];
    const client = session(pod(app, { services: [web("dev", app), web("alice", alice)] }), "in");
    const { body } = await request(client, { "azds-route-as": "alice" });
    expect(body.toString()).toBe("from-alice");
    const marked = await request(client, { "azds-route-as": "alice", "azds-routed-to": "dev/web" });
    expect(marked.body.toString()).toBe("from-app");
  });
});

describe("A proxied stream passes", () => {
  test("content of many windows both ways, and trailers", async () => {
    const dev = await server("", { echo: true });
    const client = session(pod(dev));
    const content = Buffer.from(new Uint8Array(3_000_000).map((_, i) => i * 31 + (i >> 9)));
    const answers = await Promise.all([1, 2, 3].map(() => request(client, { ":method": "POST" }, content)));
    for (const { body, trailers } of answers) {
      expect(body.equals(content)).toBeTrue();
      expect(trailers?.["grpc-status"]).toBe("0");
    }
  });

  test("a whole answer to a slow reader, although its server wants no more of the request", async () => {
    const dev = await server("", { bulk: 200_000 });
    const of = pod(dev);
    const client = session(of);
    const stream = client.request({ ":path": "/", ":method": "POST" }, { endStream: false });
    stream.write("a");
    await once(stream, "response");
    await Bun.sleep(50);
    dev.hangUp();
    await Bun.sleep(50);
    stream.on("error", () => {}).write(Buffer.alloc(100_000));
    let bytes = 0;
    for await (const part of stream) bytes += (part as Buffer).length;
    expect([bytes, stream.rstCode]).toEqual([200_000, 0]);
    expect(of.trace.remembered()).toMatchObject([{ status: 200, complete: true }]);
    expect((await request(client)).body).toHaveLength(200_000);
  });

  test("fields larger than a frame", async () => {
    const dev = await server("from-dev");
    const client = session(pod(dev));
    const large = "x".repeat(40_000);
    const { headers } = await request(client, { large });
    expect(dev.requests[0]?.["large"]).toBe(large);
    expect(Number(headers[":status"])).toBe(200);
  });

  test("a reset of the client to the server", async () => {
    const dev = await server("", { silent: true });
    const client = session(pod(dev));
    const stream = client.request({ ":path": "/" });
    stream.on("error", () => {});
    while (dev.requests.length === 0) await Bun.sleep(5);
    stream.close(8);
    expect(await dev.aborted).toBe(8);
  });

  test("one stream while another's reader does not read", async () => {
    const dev = await server("", { echo: true });
    const client = session(pod(dev));
    const stalled = client.request({ ":path": "/", ":method": "POST" });
    stalled.on("error", () => {});
    stalled.pause();
    stalled.write(Buffer.alloc(2_000_000));
    await once(stalled, "response");
    const { body } = await request(client, { ":method": "POST" }, Buffer.from("hello"));
    expect(body.toString()).toBe("hello");
  });
});
