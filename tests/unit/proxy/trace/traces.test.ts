/** The traces of a sidecar as a client on its port reads them, of requests through real connections. */
import { afterEach, describe, expect, test } from "bun:test";
import type { ServiceRecord } from "../../../../core/route-table.ts";
import { parseFeedMessage } from "../../../../core/feed-message.ts";
import { parseTraceMessage, type TraceMessage } from "../../../../core/trace.ts";
import { TRACE_BODY_BYTES_MAX, TRACE_QUEUE_MAX, TRACE_RECORDS_MAX } from "../../../../core/limits.ts";
import type { Endpoint } from "../../../../proxy/tcp/dial.ts";
import type { Pod } from "../../../../proxy/sidecar/pod.ts";
import { acceptInbound } from "../../../../proxy/sidecar/inbound.ts";
import { acceptOutbound } from "../../../../proxy/sidecar/outbound.ts";
import { Routes } from "../../../../proxy/routing/routes.ts";
import { openTracePort } from "../../../../proxy/trace/accept-traces.ts";
import { secretNames } from "../../../../proxy/trace/format-record.ts";
import { Trace } from "../../../../proxy/trace/trace.ts";
import { TraceClient } from "../../../../proxy/trace/trace-client.ts";
import { Wire, type WireSocket, DISCARD } from "../../../../proxy/tcp/wire.ts";
import { closedPort, front, namedServer, pod, rawClient, rawServer, redirected, service } from "../raw-peers.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

function web(namespace: string, at: Endpoint): ServiceRecord {
  const ports = [{ name: "http", port: 80, target: at.port }];
  return service({ namespace, name: "web", ports, endpoints: [at.address] });
}

async function named(name: string) {
  const server = await namedServer(name);
  cleanup.push(server.close);
  return server;
}

async function replying(response: string) {
  const server = await rawServer((socket) => socket.once("data", () => socket.write(response)));
  cleanup.push(server.close);
  return server;
}

function outbound(of: Pod): number {
  const listening = front(redirected(acceptOutbound(of)));
  cleanup.push(listening.stop);
  return listening.port;
}

function tracePort({ trace, routes }: Pod, redact: readonly string[] = []) {
  const table = () => routes.table.snapshot;
  const listening = front(openTracePort({ trace, routes: table, secrets: secretNames(redact), run: "r" }));
  cleanup.push(listening.stop);
  return listening.port;
}

async function tracing(of: Pod, wish: object = {}, redact: readonly string[] = []) {
  const client = await rawClient(tracePort(of, redact), `${JSON.stringify(wish)}\n`);
  cleanup.push(() => client.socket.destroy());
  await client.until('"hello"');
  return {
    /** All messages, once there are so many of `type`. */
    messages: async (type: string, count = 1): Promise<readonly TraceMessage[]> => {
      const text = await client.until(`"type":"${type}"`);
      let lines = complete(text);
      while (lines.filter((line) => line.includes(`"type":"${type}"`)).length < count) {
        await Bun.sleep(5);
        lines = complete(await client.until(`"type":"${type}"`));
      }
      return lines.flatMap((line) => parseTraceMessage(line) ?? []);
    },
  };
}

function complete(text: string): readonly string[] {
  return Buffer.from(text, "latin1").toString("utf8").split("\n").slice(0, -1);
}

const GET = "GET /a?token=1&key=2 HTTP/1.1\r\nHost: web\r\n";

describe("traces", () => {
  test("tell where a request went and why, what came back, and how much", async () => {
    const [dev, alice] = [await named("from-dev"), await named("from-alice")];
    const here = pod(dev, { services: [web("dev", dev), web("alice", alice)] });
    const traces = await tracing(here);
    const text = `${GET}azds-route-as: alice\r\nTraceparent: 00-a-b-01\r\nX-Request-Id: q\r\n\r\n`;
    const client = await rawClient(outbound(here), text);
    await client.until("from-alice");
    client.socket.destroy();
    const [, request, response] = await traces.messages("response");
    expect(request).toMatchObject({
      type: "request",
      id: 1,
      direction: "out",
      method: "GET",
      authority: "web",
      path: "/a?token=1&key=2",
      space: "alice",
      source: "header",
      reason: "space",
      traceparent: "00-a-b-01",
      requestId: "q",
    });
    expect(response).toMatchObject({
      id: 1,
      status: 200,
      complete: true,
      address: "127.0.0.1",
      port: alice.port,
      service: "alice/web",
      tries: 1,
      requestBytes: text.length,
      responseBytes: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfrom-alice".length,
    });
    expect(response).not.toHaveProperty("request");
  });

  test("tell what was remembered and end, where nothing else is wanted", async () => {
    const dev = await named("from-dev");
    const here = pod(dev, { services: [web("dev", dev)] });
    const client = await rawClient(outbound(here), `${GET}\r\n`);
    await client.until("from-dev");
    client.socket.destroy();
    for (const backlog of [true, false]) {
      const reader = await rawClient(tracePort(here), `${JSON.stringify({ backlog, follow: false })}\n`);
      const types = complete(await reader.all()).map((line) => parseTraceMessage(line)?.type);
      expect(types).toEqual(backlog ? ["hello", "request", "response", "end"] : ["hello", "end"]);
      reader.socket.destroy();
    }
  });

  test("share their port with the route table, of which a pod without one says nothing", async () => {
    const dev = await named("from-dev");
    const here = pod(dev, { services: [web("dev", dev)] });
    const reader = await rawClient(tracePort(here), "routes\n");
    const [line = ""] = complete(await reader.all());
    expect(parseFeedMessage(line)).toEqual(here.routes.table.snapshot);
    expect(here.routes.table.snapshot).toMatchObject({ type: "snapshot", services: [web("dev", dev)] });
    reader.socket.destroy();
    const empty = await rawClient(tracePort({ ...here, routes: new Routes() }), "routes\n");
    expect(await empty.all()).toBe("");
    empty.socket.destroy();
  });

  test("tell what was remembered to who comes later, unless it wants no backlog", async () => {
    const dev = await named("from-dev");
    const here = pod(dev, { services: [web("dev", dev)] });
    const port = outbound(here);
    const client = await rawClient(port, `${GET}\r\n`);
    await client.until("from-dev");
    const [later, live] = [await tracing(here), await tracing(here, { backlog: false })];
    expect((await later.messages("response")).map(({ type }) => type)).toEqual(["hello", "request", "response"]);
    client.socket.write(`${GET}azds-route-as: nope\r\n\r\n`);
    const messages = await live.messages("response");
    expect(messages.map(({ type }) => type)).toEqual(["hello", "request", "response"]);
    expect(messages[1]).toMatchObject({ id: 2, unknownSpace: true, reason: "own-space" });
    client.socket.destroy();
  });

  test("name requests that come to the pod by their client and by what the caller's sidecar decided", async () => {
    const dev = await named("from-dev");
    const here = pod(dev, { services: [web("dev", dev)] });
    const listening = front(redirected(acceptInbound(here), "10.0.0.7"));
    cleanup.push(listening.stop);
    const client = await rawClient(listening.port, `${GET}azds-routed-to: dev/web\r\n\r\n`);
    await client.until("from-dev");
    client.socket.destroy();
    const [, request] = await (await tracing(here)).messages("response");
    expect(request).toMatchObject({ direction: "in", peer: "10.0.0.7", reason: "marked" });
  });

  test("tell of a request that nobody answered", async () => {
    const gone = await closedPort();
    const here = pod(gone, { services: [web("dev", gone)] });
    const client = await rawClient(outbound(here), `${GET}\r\n`);
    await client.failure();
    const messages = await (await tracing(here)).messages("response");
    expect(messages.at(-1)).toMatchObject({ status: 0, complete: false, address: "", tries: 0 });
  });

  test("show fields and bodies to who asks, without secrets, and of bodies the beginning", async () => {
    const body = "é".repeat(TRACE_BODY_BYTES_MAX);
    const size = Buffer.byteLength(body).toString(16);
    const head =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nSet-Cookie: s=1\r\n\r\n";
    const server = await replying(`${head}${size}\r\n${body}\r\n0\r\n\r\n`);
    const here = pod(server, { services: [web("dev", server)] });
    const traces = await tracing(here, { fields: true, bodies: true }, ["X-Key", "token"]);
    const fields = "Authorization: Bearer t\r\nCookie: c\r\nX-Key: k\r\nX-Plain: p\r\nContent-Length: 2\r\n\r\nhi";
    const client = await rawClient(outbound(here), `${GET.replace("GET", "POST")}${fields}`);
    await client.until("\r\n0\r\n\r\n");
    client.socket.destroy();
    const [, request, response] = await traces.messages("response");
    expect(request).toMatchObject({ path: "/a?token=[redacted]&key=2" });
    if (response?.type !== "response") throw new Error("No response");
    expect(response.request).toEqual({
      fields: [
        ["Host", "web"],
        ["Authorization", "[redacted]"],
        ["Cookie", "[redacted]"],
        ["X-Key", "[redacted]"],
        ["X-Plain", "p"],
        ["Content-Length", "2"],
      ],
      body: { text: "hi", encoding: "utf8", cut: false },
    });
    expect(response.response?.fields).toContainEqual(["Set-Cookie", "[redacted]"]);
    expect(response.response?.body).toEqual({
      text: "é".repeat(TRACE_BODY_BYTES_MAX / 2),
      encoding: "utf8",
      cut: true,
    });
  });

  test.each([["5\r\nhello\r\n"], [""]])("show the trailers behind chunks %j", async (chunks) => {
    const trailers = "X-Sum: 1\r\nX-Key: k\r\n";
    const server = await replying(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0;ext=1\r\n${trailers}\r\n`,
    );
    const here = pod(server, { services: [web("dev", server)] });
    const traces = await tracing(here, { fields: true, bodies: true }, ["X-Key"]);
    const sent = "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-End: 2\r\n\r\n";
    const client = await rawClient(outbound(here), `${GET.replace("GET", "POST")}${sent}`);
    await client.until("X-Key: k\r\n\r\n");
    client.socket.destroy();
    const told = (await traces.messages("response")).at(-1);
    if (told?.type !== "response") throw new Error("No response");
    expect(told.request).toMatchObject({ body: { text: "hi" }, trailers: [["X-End", "2"]] });
    expect(told.response?.body?.text ?? "").toBe(chunks === "" ? "" : "hello");
    expect(told.response?.trailers).toEqual([
      ["X-Sum", "1"],
      ["X-Key", "[redacted]"],
    ]);
  });

  test("show a body that is no text as base64", async () => {
    const server = await replying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    const here = pod(server, { services: [web("dev", server)] });
    const traces = await tracing(here, { bodies: true });
    const bytes = Buffer.from([0xff, 0xfe]);
    const head = Buffer.from(`${GET}Content-Length: 2\r\n\r\n`);
    const client = await rawClient(outbound(here), Buffer.concat([head, bytes]));
    await client.until("200");
    client.socket.destroy();
    const response = (await traces.messages("response")).at(-1);
    expect(response).toMatchObject({ request: { body: { text: bytes.toString("base64"), encoding: "base64" } } });
  });
});

describe("the memory of traces", () => {
  const head = { method: "GET", target: "/", fields: { traceparent: undefined, requestId: undefined, probe: false } };
  const space = { authority: "a", routeAs: undefined, source: undefined };
  const asked = { direction: "out", head, queueMs: 0, peer: "", space, reason: "here", unknownSpace: false } as const;

  function through(trace: Trace, target = "/"): void {
    const record = trace.begin({ ...asked, head: { ...head, target } });
    record.responded(200);
    record.ended({ request: 1, response: 2 }, true);
  }

  test("is bounded in number and in bytes, the latest last", () => {
    const trace = new Trace();
    for (let i = 0; i < 3 * TRACE_RECORDS_MAX; i += 1) through(trace);
    expect(trace.remembered().length).toBeLessThanOrEqual(TRACE_RECORDS_MAX);
    expect(trace.remembered().at(-1)?.id).toBe(3 * TRACE_RECORDS_MAX);
    for (let i = 0; i < 20; i += 1) through(trace, `/${"x".repeat(60_000)}`);
    expect(trace.remembered().length).toBeLessThan(20);
  });

  test("of a client that does not read is bounded, and what it missed is counted", async () => {
    const trace = new Trace();
    const written: string[] = [];
    let reads = true;
    const socket: WireSocket = {
      write: (bytes) => {
        if (reads) written.push(bytes.toString());
        return reads ? bytes.length : 0;
      },
      shutdown: () => {},
      end: () => {},
      terminate: () => {},
      pause: () => {},
      resume: () => {},
    };
    const wire = new Wire(socket, DISCARD);
    const wish = { backlog: true, fields: true, bodies: true };
    new TraceClient({ trace, wire, wish, secrets: secretNames([]), run: "r", closed: () => {} }).start();
    reads = false;
    for (let i = 0; i < TRACE_QUEUE_MAX; i += 1) through(trace);
    reads = true;
    wire.flush();
    const told = (): string => written.join("");
    while (!told().includes('"dropped"')) await Bun.sleep(5);
    expect(told()).toContain(`{"type":"dropped","count":${TRACE_QUEUE_MAX}}`);
    const before = written.length;
    through(trace);
    while (written.length === before) await Bun.sleep(5);
    expect(told()).toContain(`"id":${TRACE_QUEUE_MAX + 1},`);
  });

  test("adds up in metrics by direction and class", () => {
    const trace = new Trace();
    through(trace);
    through(trace);
    const text = trace.metrics.format();
    expect(text).toContain('azds_proxy_http_requests_total{direction="out",class="2xx"} 2\n');
    expect(text).toContain('azds_proxy_http_response_bytes_total{direction="out"} 4\n');
    expect(text).toContain('azds_proxy_http_duration_seconds_bucket{direction="out",le="+Inf"} 2\n');
    expect(text).toContain('azds_proxy_http_duration_seconds_count{direction="in"} 0\n');
  });
});
