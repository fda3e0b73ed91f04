/** WebSocket over HTTP/2 (RFC 8441): real clients and servers, through sidecars and the gateway's way in. */
import { afterEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { connect as connectTcp } from "node:net";
import { parseTraceMessage } from "../../../../core/trace.ts";
import type { Endpoint } from "../../../../proxy/tcp/dial.ts";
import { serveHttp2 } from "../../../../proxy/http2/client-connection.ts";
import { ERROR, FLAG, FRAME, frame, readUint32 } from "../../../../proxy/http2/frame.ts";
import { acceptInbound } from "../../../../proxy/sidecar/inbound.ts";
import { acceptOutbound } from "../../../../proxy/sidecar/outbound.ts";
import type { Pod } from "../../../../proxy/sidecar/pod.ts";
import { openTracePort } from "../../../../proxy/trace/accept-traces.ts";
import { closedPort, front, pod, rawClient, redirected, web } from "../raw-peers.ts";
import { block, frameClient, type FrameClient, headers, REQUEST } from "./frame-client.ts";
import { http2Server, type Http2Server, type Http2ServerOptions } from "./http2-peers.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).toReversed()) await undo();
});

async function server(options: Http2ServerOptions = { connects: true }): Promise<Http2Server> {
  const made = await http2Server("plain", options);
  cleanup.push(made.close);
  return made;
}

function inbound(of: Pod): Endpoint {
  const listening = front(redirected(acceptInbound(of)));
  cleanup.push(listening.stop);
  return { address: "127.0.0.1", port: listening.port };
}

function outbound(of: Pod): number {
  const listening = front(redirected(acceptOutbound(of)));
  cleanup.push(listening.stop);
  return listening.port;
}

/** As at the gateway: no destination before the first request. */
function entry(target: Endpoint): number {
  const decide = () => ({ kind: "forward", targets: [target] }) as const;
  const listening = front((client) => serveHttp2({ client, policy: { decide, unreachable: () => undefined } }));
  cleanup.push(listening.stop);
  return listening.port;
}

function session(port: number): ClientHttp2Session {
  const client = connect(`http://127.0.0.1:${port}`);
  client.on("error", () => {});
  cleanup.push(() => client.destroy());
  return client;
}

async function offered(client: ClientHttp2Session): Promise<void> {
  while (!client.remoteSettings?.enableConnectProtocol) await once(client, "remoteSettings");
}

const ASKS = {
  ":method": "CONNECT",
  ":protocol": "websocket",
  ":scheme": "http",
  ":path": "/chat",
  ":authority": "web",
};

async function tunnel(client: ClientHttp2Session, fields = {}): Promise<readonly [ClientHttp2Stream, number]> {
  const stream = client.request({ ...ASKS, ...fields }, { endStream: false });
  stream.on("error", () => {});
  const [response] = (await once(stream, "response")) as [IncomingHttpHeaders];
  return [stream, Number(response[":status"])];
}

async function text(stream: ClientHttp2Stream): Promise<string> {
  let all = "";
  for await (const part of stream) all += String(part);
  return all;
}

const CONNECT = Object.entries(ASKS);

async function resetCode(client: FrameClient, id: number): Promise<number> {
  const { payload } = await client.until((received) => received.type === FRAME.resetStream && received.id === id);
  return readUint32(payload, 0);
}

describe("Extended CONNECT", () => {
  test("passes two sidecars, once the application has offered it, on ports declared HTTP too", async () => {
    const app = await server();
    const hint = "http" as const;
    const declared = (at: Endpoint) => ({
      services: [web("dev", at, { ports: [{ name: "http", port: 80, target: at.port, hint }] })],
    });
    const near = inbound(pod(app, declared(app)));
    const client = session(outbound(pod(near, declared(near))));
    await offered(client);
    const [stream, status] = await tunnel(client);
    expect(status).toBe(200);
    expect(app.requests[0]).toMatchObject({ ":method": "CONNECT", ":protocol": "websocket", ":path": "/chat" });
    const content = "x".repeat(1_000_000);
    stream.end(content);
    expect(await text(stream)).toBe(content);
    expect(app.sessions()).toBe(1);
  });

  test("waits for the offer of a sidecar that it is routed to", async () => {
    const [dev, app] = [await server(), await server()];
    const alice = inbound(pod(app, { services: [web("alice", app)], config: { ...pod(app).config, space: "alice" } }));
    const client = session(outbound(pod(dev, { services: [web("dev", dev), web("alice", alice)] })));
    await offered(client);
    const [stream, status] = await tunnel(client, { "azds-route-as": "alice" });
    expect(status).toBe(200);
    stream.end("hello");
    expect(await text(stream)).toBe("hello");
    expect([dev.requests.length, app.requests.length]).toEqual([0, 1]);
  });

  test("is answered 501 where it is routed to a server that does not offer it, and other streams go on", async () => {
    const [dev, alice] = [await server(), await server({})];
    const client = session(outbound(pod(dev, { services: [web("dev", dev), web("alice", alice)] })));
    await offered(client);
    const [open] = await tunnel(client);
    const [refused, status] = await tunnel(client, { "azds-route-as": "alice" });
    expect(status).toBe(501);
    expect(await text(refused)).toContain("does not take `websocket`");
    expect(alice.requests).toEqual([]);
    open.end("still here");
    expect(await text(open)).toBe("still here");
  });

  test("is offered at once where no server can be asked before", async () => {
    const [takes, other] = [await server(), await server({})];
    const client = session(entry(takes));
    await offered(client);
    const [stream, status] = await tunnel(client);
    expect(status).toBe(200);
    stream.end("hello");
    expect(await text(stream)).toBe("hello");
    const second = session(entry(other));
    await offered(second);
    expect((await tunnel(second))[1]).toBe(501);
    const [gone, alice] = [await closedPort(), await server()];
    const third = session(outbound(pod(gone, { services: [web("dev", gone), web("alice", alice)] })));
    await offered(third);
    expect((await tunnel(third, { "azds-route-as": "alice" }))[1]).toBe(200);
  });

  test("is offered where the server had spoken before the client", async () => {
    const app = await server();
    const slow = connectTcp(outbound(pod(app, { services: [web("dev", app)] })), "127.0.0.1");
    await once(slow, "connect");
    while (app.sessions() === 0) await Bun.sleep(5);
    await Bun.sleep(50);
    const client = connect("http://web", { createConnection: () => slow });
    cleanup.push(() => client.destroy());
    await offered(client);
    expect((await tunnel(client))[1]).toBe(200);
    expect(app.sessions()).toBe(1);
  });

  test("is a stream error where it was not offered", async () => {
    const app = await server({});
    const client = await frameClient(outbound(pod(app)));
    cleanup.push(client.close);
    client.send(headers(1, REQUEST));
    await client.until(({ id, flags }) => id === 1 && (flags & FLAG.endStream) !== 0);
    client.send(headers(3, CONNECT, false), headers(5, REQUEST));
    expect(await resetCode(client, 3)).toBe(ERROR.protocol);
    await client.until(({ id, flags }) => id === 5 && (flags & FLAG.endStream) !== 0);
    expect(app.requests).toHaveLength(2);
  });

  const malformed: readonly (readonly [string, typeof CONNECT])[] = [
    ["another method", CONNECT.map(([name, value]) => [name, name === ":method" ? "GET" : value])],
    ["an empty protocol", CONNECT.map(([name, value]) => [name, name === ":protocol" ? "" : value])],
    ...[":scheme", ":path", ":authority"].map(
      (left) => [`no ${left}`, CONNECT.filter(([name]) => name !== left)] as const,
    ),
  ];
  for (const [what, fields] of malformed)
    test(`is malformed with ${what}`, async () => {
      const app = await server();
      const client = await frameClient(entry(app));
      cleanup.push(client.close);
      client.send(headers(1, fields, false));
      expect(await resetCode(client, 1)).toBe(ERROR.protocol);
    });

  test("is followed by DATA alone: trailers break its stream", async () => {
    const app = await server();
    const client = await frameClient(entry(app));
    cleanup.push(client.close);
    client.send(headers(1, CONNECT, false));
    await client.until(({ id, type }) => id === 1 && type === FRAME.headers);
    const flags = FLAG.endHeaders | FLAG.endStream;
    client.send(frame({ type: FRAME.headers, flags, id: 1 }, block([["x-trailer", "1"]])));
    expect(await resetCode(client, 1)).toBe(ERROR.protocol);
    expect(await app.aborted).toBe(ERROR.protocol);
  });

  test("is broken for the server when the client breaks it", async () => {
    const app = await server({ connects: true, silent: true });
    const client = await ready(session(entry(app)));
    const stream = client.request(ASKS, { endStream: false }).on("error", () => {});
    while (app.requests.length === 0) await Bun.sleep(5);
    stream.close(ERROR.cancel);
    expect(await app.aborted).toBe(ERROR.cancel);
  });

  test("is a WebSocket in the traces, over with its handshake", async () => {
    const app = await server();
    const of = pod(app, { services: [web("dev", app)] });
    const { trace } = of;
    const port = front(openTracePort({ trace, routes: () => undefined, secrets: new Set(), run: "r" }));
    cleanup.push(port.stop);
    const reader = await rawClient(port.port, `${JSON.stringify({ fields: true })}\n`);
    await reader.until('"hello"');
    const client = await ready(session(outbound(of)));
    const [stream] = await tunnel(client);
    const lines = (await reader.until('"type":"response"')).trim().split("\n");
    const [, request, response] = lines.map((line) => parseTraceMessage(line));
    expect(request).toMatchObject({ method: "CONNECT", protocol: "websocket", path: "/chat", authority: "web" });
    expect(response).toMatchObject({ status: 200, complete: true });
    stream.end();
    await text(stream);
    reader.socket.destroy();
  });
});

async function ready(client: ClientHttp2Session): Promise<ClientHttp2Session> {
  await offered(client);
  return client;
}
