/** Fields and bodies of exchanges by HTTP/2, as a reader of the traces sees them. */
import { afterEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from "node:http2";
import {
  TRACE_BODY_BYTES_MAX,
  TRACE_CAPTURES_MAX,
  TRACE_MESSAGE_BYTES_MAX,
  TRACE_TRAILERS_BYTES_MAX,
} from "../../../../core/limits.ts";
import { parseTraceMessage, type RequestTrace, type ResponseTrace } from "../../../../core/trace.ts";
import { acceptOutbound } from "../../../../proxy/sidecar/outbound.ts";
import type { Pod } from "../../../../proxy/sidecar/pod.ts";
import { openTracePort } from "../../../../proxy/trace/accept-traces.ts";
import { secretNames } from "../../../../proxy/trace/format-record.ts";
import { http2Server, type Http2ServerOptions } from "../http2/http2-peers.ts";
import { front, pod, rawClient, redirected, web } from "../raw-peers.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).toReversed()) await undo();
});

async function server(options: Http2ServerOptions) {
  const made = await http2Server("", options);
  cleanup.push(made.close);
  return made;
}

function session(of: Pod): ClientHttp2Session {
  const listening = front(redirected(acceptOutbound(of)));
  const client = connect(`http://127.0.0.1:${listening.port}`);
  client.on("error", () => {});
  cleanup.push(listening.stop, () => client.destroy());
  return client;
}

async function send(client: ClientHttp2Session, fields: OutgoingHttpHeaders, ...parts: readonly Buffer[]) {
  const stream = client.request({ ":path": "/a?token=1", ":authority": "web", ...fields }, { endStream: false });
  stream.on("error", () => {});
  for (const part of parts) stream.write(part);
  stream.end();
  stream.resume();
  await once(stream, "close");
}

/** Resolves with what tells of the exchange with that number, once it has ended. */
async function tracing(of: Pod, wish: object) {
  const port = front(
    openTracePort({ trace: of.trace, routes: () => undefined, secrets: secretNames(["X-Key", "token"]), run: "r" }),
  );
  const reader = await rawClient(port.port, `${JSON.stringify(wish)}\n`);
  cleanup.push(port.stop, () => reader.socket.destroy());
  await reader.until('"hello"');
  return async (id: number): Promise<readonly [RequestTrace, ResponseTrace]> => {
    let text = "";
    while (!text.endsWith("\n")) {
      await Bun.sleep(5);
      text = await reader.until(`"type":"response","id":${id},`);
    }
    const messages = Buffer.from(text, "latin1").toString("utf8").split("\n").slice(0, -1).map(parseTraceMessage);
    const request = messages.find((message) => message?.type === "request" && message.id === id);
    const response = messages.find((message) => message?.type === "response" && message.id === id);
    if (request?.type !== "request" || response?.type !== "response") throw new Error("Not told");
    return [request, response];
  };
}

describe("traces of HTTP/2", () => {
  test("show fields and bodies to who asks, without secrets, and of bodies the beginning", async () => {
    const dev = await server({ echo: true });
    const of = pod(dev, { services: [web("dev", dev)] });
    const told = await tracing(of, { fields: true, bodies: true });
    const body = Buffer.from("é".repeat(TRACE_BODY_BYTES_MAX * 4));
    const fields = { authorization: "Bearer t", cookie: "c", "x-key": "k", "x-plain": "p" };
    await send(session(of), { ":method": "POST", ...fields }, body);
    const [request, response] = await told(1);
    expect(request).toMatchObject({ method: "POST", http2: true, path: "/a?token=[redacted]" });
    const cut = { text: "é".repeat(TRACE_BODY_BYTES_MAX / 2), encoding: "utf8" as const, cut: true };
    expect(response.request).toEqual({
      fields: [
        ["host", "web"],
        ["authorization", "[redacted]"],
        ["cookie", "[redacted]"],
        ["x-key", "[redacted]"],
        ["x-plain", "p"],
      ],
      body: cut,
    });
    expect(response.response?.body).toEqual(cut);
    expect(response).toMatchObject({ status: 200, complete: true });
  });

  test("show the frames of gRPC, which are no text, as base64, in the order in which they passed", async () => {
    const dev = await server({ echo: true });
    const of = pod(dev, { services: [web("dev", dev)] });
    const told = await tracing(of, { bodies: true });
    const frames = [Buffer.from([0, 0, 0, 0, 2, 0x8a, 0xff]), Buffer.from([0, 0, 0, 0, 1, 0xfe])];
    await send(session(of), { ":method": "POST", "content-type": "application/grpc", te: "trailers" }, ...frames);
    const body = { text: Buffer.concat(frames).toString("base64"), encoding: "base64" as const, cut: false };
    const [, response] = await told(1);
    expect(response).toMatchObject({ request: { fields: [], body }, response: { fields: [], body } });
    expect(response.response).not.toHaveProperty("trailers");
  });

  test("say how a gRPC call ended, and show trailers of both sides beside the fields, without secrets", async () => {
    const trailers = { "grpc-status": "14", "grpc-message": "no%20disk", "x-key": "k" };
    const dev = await server({ echo: true, trailers });
    const of = pod(dev, { services: [web("dev", dev)] });
    const told = await tracing(of, { fields: true });
    const stream = session(of).request(
      { ":method": "POST", ":path": "/" },
      { endStream: false, waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "1", token: "t" }));
    stream.resume().end(Buffer.alloc(TRACE_MESSAGE_BYTES_MAX + 1));
    await once(stream, "close");
    const [, { status, grpcStatus, request, response }] = await told(1);
    expect([status, grpcStatus]).toEqual([200, 14]);
    expect(request?.trailers).toEqual([
      ["x-sum", "1"],
      ["token", "[redacted]"],
    ]);
    expect(response?.trailers).toEqual([
      ["grpc-status", "14"],
      ["grpc-message", "no%20disk"],
      ["x-key", "[redacted]"],
    ]);
  });

  test("say how a gRPC call ended that failed at once, and remember it", async () => {
    const dev = await server({ trailersOnly: { "grpc-status": "12", "grpc-message": "unknown" } });
    const of = pod(dev, { services: [web("dev", dev)] });
    await send(session(of), { ":method": "POST" }, Buffer.from("hello"));
    const told = await tracing(of, {});
    expect((await told(1))[1]).toMatchObject({ status: 200, grpcStatus: 12 });
  });

  test.each(["", "-1", "1e3", "x"])("keep no status that is none, as %j", async (status) => {
    const dev = await server({ echo: true, trailers: { "grpc-status": status } });
    const of = pod(dev, { services: [web("dev", dev)] });
    await send(session(of), { ":method": "POST" }, Buffer.from("hello"));
    const told = await tracing(of, {});
    expect((await told(1))[1]).not.toHaveProperty("grpcStatus");
  });

  test("keep of many trailers those that there is room for", async () => {
    const large = "x".repeat(TRACE_TRAILERS_BYTES_MAX - 1);
    const dev = await server({ echo: true, trailers: { a: large, "grpc-status": "0" } });
    const of = pod(dev, { services: [web("dev", dev)] });
    const told = await tracing(of, { fields: true });
    await send(session(of), { ":method": "POST" }, Buffer.from("hello"));
    expect((await told(1))[1]).toMatchObject({ grpcStatus: 0, response: { trailers: [["a", large]] } });
  });

  test("keep nothing where nobody asks", async () => {
    const dev = await server({ echo: true });
    const of = pod(dev, { services: [web("dev", dev)] });
    const told = await tracing(of, {});
    await send(session(of), { ":method": "POST" }, Buffer.from("hello"));
    const [, response] = await told(1);
    expect(response).not.toHaveProperty("request");
    expect(response).not.toHaveProperty("response");
  });

  test("show answers of the proxy's own, which hold no place afterwards", async () => {
    const [dev, alice] = [await server({ connects: true }), await server({})];
    const of = pod(dev, { services: [web("dev", dev), web("alice", alice)] });
    const told = await tracing(of, { bodies: true });
    const client = session(of);
    while (!client.remoteSettings?.enableConnectProtocol) await once(client, "remoteSettings");
    const ask = { ":method": "CONNECT", ":protocol": "websocket", ":scheme": "http", "azds-route-as": "alice" };
    await Promise.all(Array.from({ length: TRACE_CAPTURES_MAX }, () => send(client, ask)));
    expect((await told(TRACE_CAPTURES_MAX))[1]).toMatchObject({
      status: 501,
      complete: false,
      response: { body: { text: "The server does not take `websocket` over HTTP/2 (RFC 8441)\n" } },
    });
    await send(client, { ":method": "POST" }, Buffer.from("hello"));
    expect((await told(TRACE_CAPTURES_MAX + 1))[1]).toMatchObject({ request: { body: { text: "hello" } } });
  });
});
