/** From what sidecars tell to what people, archives and collectors get. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event } from "../../../../../cli/engine/events.ts";
import { type Exchange, traceEvent } from "../../../../../cli/engine/traces/exchange.ts";
import { harEntry, openHar } from "../../../../../cli/engine/traces/har.ts";
import { otlpExport, tracesOf } from "../../../../../cli/engine/traces/otlp.ts";
import { isWanted, statusFilter } from "../../../../../cli/engine/traces/trace-filter.ts";
import { TraceJoin } from "../../../../../cli/engine/traces/trace-source.ts";
import { asArray, at } from "../../../../../core/parse.ts";
import { type RequestTrace, type ResponseTrace } from "../../../../../core/trace.ts";
import { systemClock } from "../../../../../core/host/clock.ts";
import { TRACES_OPEN_MAX } from "../../../../../core/limits.ts";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";

function request(over: Partial<RequestTrace> = {}): RequestTrace {
  return {
    type: "request",
    id: 1,
    at: 1_000,
    direction: "out",
    method: "GET",
    authority: "api:8080",
    path: "/users?a=1",
    peer: "",
    reason: "space",
    ...over,
  };
}

function response(over: Partial<ResponseTrace> = {}): ResponseTrace {
  return {
    type: "response",
    id: 1,
    status: 200,
    complete: true,
    address: "10.0.0.8",
    port: 8080,
    service: "alice/api",
    tries: 1,
    queueMs: 0,
    connectMs: 1,
    firstByteMs: 2,
    totalMs: 5,
    requestBytes: 100,
    responseBytes: 200,
    ...over,
  };
}

function exchange(over: Partial<Exchange> = {}): Exchange {
  return {
    pod: "web-1",
    namespace: "alice",
    service: "web",
    run: "r",
    request: request(),
    response: response(),
    ...over,
  };
}

const unnamed = (): undefined => undefined;

describe("traceEvent()", () => {
  test("pairs request and response by three letters, and says both sides", () => {
    const asked = traceEvent(exchange({ response: undefined }), unnamed);
    const answered = traceEvent(exchange(), unnamed);
    expect(asked.id).toMatch(/^[a-z]{3}$/);
    expect(asked.text).toBe(`web-1 --${asked.id}-> api:8080: GET /users?a=1`);
    expect(answered.text).toBe(`web-1 <-${asked.id}-- alice/api: 200 GET /users?a=1 5.0ms, 200 B`);
  });

  test("says what a CONNECT by HTTP/2 asks for", () => {
    const socket = request({ method: "CONNECT", path: "/chat", http2: true, protocol: "websocket" });
    expect(traceEvent(exchange({ request: socket }), unnamed).text).toContain(" 200 CONNECT /chat (websocket) ");
  });

  test("gives all that carry one trace the same letters, in every pod", () => {
    const traceparent = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
    const inbound = request({ direction: "in", peer: "10.0.0.1", id: 7, traceparent });
    const outbound = request({ id: 8, traceparent: traceparent.replace("00f067aa0ba902b7", "1111111111111111") });
    const one = traceEvent(exchange({ request: inbound, response: undefined }), () => "gateway-1");
    const other = traceEvent(exchange({ pod: "api-1", request: outbound }), unnamed);
    expect(one.id).toBe(other.id);
    expect(one.text).toBe(`gateway-1 --${one.id}-> web-1: GET /users?a=1`);
    expect(traceEvent(exchange({ request: request({ requestId: "q" }) }), unnamed).id).toBe(
      traceEvent(exchange({ request: request({ id: 9, requestId: "q" }) }), unnamed).id,
    );
  });

  test("shows fields and bodies below the line, and says what was cut", () => {
    const body = { text: "a\nb", encoding: "utf8", cut: true } as const;
    const told = response({ request: { fields: [["Host", "api"]] }, response: { fields: [["Age", "1"]], body } });
    expect(traceEvent(exchange({ response: told }), unnamed).details).toEqual([
      "> Host: api",
      "< Age: 1",
      "< a",
      "< b",
      "< <[TRUNCATED]>",
    ]);
  });

  test("says how a gRPC call ended, and shows trailers behind the body", () => {
    const fields = [["content-type", "application/grpc"]] as const;
    const body = { text: "x", encoding: "utf8", cut: false } as const;
    const trailers = [["grpc-status", "14"]] as const;
    const event = traceEvent(
      exchange({ response: response({ grpcStatus: 14, response: { fields, body, trailers } }) }),
      unnamed,
    );
    expect(event.text).toContain(" alice/api: 200 grpc:UNAVAILABLE GET /users?a=1 ");
    expect(event.details).toEqual(["< content-type: application/grpc", "< x", "< grpc-status: 14"]);
    const unknown = traceEvent(exchange({ response: response({ grpcStatus: 17 }) }), unnamed);
    expect(unknown.text).toContain(" 200 grpc:17 GET ");
  });

  test("says that there was no answer, and that one broke off", () => {
    const { service: _, ...unanswered } = response();
    const none = exchange({ response: { ...unanswered, status: 0, complete: false, address: "" } });
    expect(traceEvent(none, unnamed).text).toContain("-- api:8080: no answer GET /users");
    expect(traceEvent(exchange({ response: response({ complete: false }) }), unnamed).text).toEndWith(", broken off");
  });
});

describe("TraceJoin", () => {
  function joined(): { readonly join: TraceJoin; readonly seen: string[] } {
    const seen: string[] = [];
    const pod = { pod: "web-1", namespace: "alice", service: "web" };
    const joining = new TraceJoin(pod, {
      onExchange: ({ run, request: asked, response: told }) =>
        seen.push(`${run}${asked.id}${told === undefined ? "?" : "!"}`),
      onDropped: (count) => seen.push(`dropped ${count}`),
    });
    return { join: joining, seen };
  }

  test("tells each message once, over a new connection to the same run, and all of a new run", () => {
    const { join: joining, seen } = joined();
    for (let i = 0; i < 2; i += 1) {
      joining.take({ type: "hello", run: "a" });
      joining.take(request());
      joining.take(response());
    }
    joining.take({ type: "hello", run: "b" });
    joining.take(request());
    joining.take({ type: "dropped", count: 3 });
    joining.take(response({ id: 99 }));
    expect(seen).toEqual(["a1?", "a1!", "b1?", "dropped 3"]);
  });

  test("forgets the oldest of requests that never end", () => {
    const { join: joining, seen } = joined();
    for (let id = 1; id <= TRACES_OPEN_MAX + 1; id += 1) joining.take(request({ id }));
    joining.take(response({ id: 1 }));
    joining.take(response({ id: 2 }));
    expect(seen.at(-1)).toBe("2!");
    expect(seen).not.toContain("1!");
  });
});

describe("isWanted()", () => {
  test("by path, by called service, and by status once it is known", () => {
    expect(isWanted(exchange(), { path: "/users" })).toBe(true);
    expect(isWanted(exchange(), { path: "/other" })).toBe(false);
    expect(isWanted(exchange(), { service: "api" })).toBe(true);
    expect(isWanted(exchange({ request: request({ direction: "in" }) }), { service: "api" })).toBe(false);
    expect(isWanted(exchange(), { status: statusFilter("5xx,200") })).toBe(true);
    expect(isWanted(exchange({ response: undefined }), { status: statusFilter("200") })).toBe(false);
    expect(isWanted(exchange({ response: response({ status: 0 }) }), { status: statusFilter("0") })).toBe(true);
  });

  test.each([
    ["grpc:14", [14]],
    ["grpc:UNAVAILABLE", [14]],
    ["grpc:ok, grpc:2", [0, 2]],
    ["grpc:error", [2, 14, 99]],
    ["grpc:99", [99]],
    ["200", [undefined, 0, 2, 14, 99]],
    ["5xx", []],
  ])("of gRPC by `--status %s`", (text, wanted) => {
    const status = statusFilter(text);
    const found = [undefined, 0, 2, 14, 99].filter((grpcStatus) =>
      isWanted(exchange({ response: response(grpcStatus === undefined ? {} : { grpcStatus }) }), { status }),
    );
    expect(found).toEqual(wanted);
  });

  test("never the kubelet's probes", () => {
    expect(isWanted(exchange({ request: request({ probe: true }) }), {})).toBe(false);
  });

  test.each(["", "20", "6xx", "2xx;3xx", "14", "grpc", "grpc:", "grpc:4xx", "grpc:GONE", "UNAVAILABLE"])(
    "refuses `--status %s`",
    (text) => {
      expect(() => statusFilter(text)).toThrow("`--status` takes");
    },
  );
});

describe("openHar()", () => {
  const folder = mkdtempSync(join(tmpdir(), "azds-har-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("holds a whole archive after each entry", () => {
    const file = join(folder, "a.har");
    const har = openHar(file);
    const read = (): unknown => JSON.parse(readFileSync(file, "utf8"));
    expect(at(read(), "log", "version")).toBe("1.2");
    for (let i = 1; i <= 3; i += 1) {
      har.add(exchange({ request: request({ path: `/ü${"x".repeat(10 * i)}?a=1` }) }));
      expect(asArray(at(read(), "log", "entries"))).toHaveLength(i);
    }
    har.close();
    expect(at(read(), "log", "entries", 0)).toMatchObject({
      startedDateTime: "1970-01-01T00:00:01.000Z",
      time: 5,
      request: { method: "GET", queryString: [{ name: "a", value: "1" }] },
      response: { status: 200 },
      timings: { blocked: 0, connect: 1, wait: 2, receive: 2 },
      serverIPAddress: "10.0.0.8",
    });
  });

  test("names the version of HTTP", () => {
    const versions = [request(), request({ http2: true })].map((asked) => harEntry(exchange({ request: asked })));
    expect(versions.map((entry) => at(entry, "request", "httpVersion"))).toEqual(["HTTP/1.1", "HTTP/2"]);
  });

  test("has trailers under a name of its own, where there are some", () => {
    const trailers = [["grpc-status", "14"]] as const;
    const message = { fields: [], trailers };
    const entry = harEntry(exchange({ response: response({ request: { fields: [] }, response: message }) }));
    expect(at(entry, "response", "_trailers")).toEqual([{ name: "grpc-status", value: "14" }]);
    expect(at(entry, "request")).not.toHaveProperty("_trailers");
  });

  test("says that the file cannot be written", () => {
    expect(() => openHar(join(folder, "none", "a.har"))).toThrow("cannot be written");
  });
});

describe("otlpExport()", () => {
  test("sends spans to the collector, the last ones at the end", async () => {
    const got: unknown[] = [];
    const collector = Bun.serve({
      port: 0,
      fetch: async (asked) => {
        got.push([new URL(asked.url).pathname, await asked.json()]);
        return new Response("{}");
      },
    });
    const stop = new AbortController();
    const otlp = otlpExport(`http://localhost:${collector.port}`, { clock: systemClock, emit: () => {} });
    const running = otlp.run(stop.signal);
    const traced = exchange({ request: request({ traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01` }) });
    otlp.add(traced);
    stop.abort();
    await running;
    await collector.stop(true);
    expect(got).toEqual([["/v1/traces", tracesOf([traced])]]);
    expect(at(tracesOf([traced]), "resourceSpans", 0, "scopeSpans", 0, "spans", 0)).toMatchObject({
      traceId: TRACE_ID,
      parentSpanId: "00f067aa0ba902b7",
      kind: 3,
      startTimeUnixNano: "1000000000",
      endTimeUnixNano: "1005000000",
    });
  });

  test("says what was called by gRPC and how it ended, an error for whoever has to act", () => {
    const path = "/shop.v1.Cart/Add";
    const spanOf = (direction: "in" | "out", grpcStatus: number): unknown => {
      const called = exchange({ request: request({ path, direction }), response: response({ grpcStatus }) });
      return at(tracesOf([called]), "resourceSpans", 0, "scopeSpans", 0, "spans", 0);
    };
    const span = spanOf("out", 14);
    expect(at(span, "name")).toBe("shop.v1.Cart/Add");
    const attributes = asArray(at(span, "attributes"));
    for (const attribute of [
      { key: "rpc.system.name", value: { stringValue: "grpc" } },
      { key: "rpc.method", value: { stringValue: "shop.v1.Cart/Add" } },
      { key: "rpc.status_code", value: { stringValue: "UNAVAILABLE" } },
      { key: "error.type", value: { stringValue: "UNAVAILABLE" } },
    ])
      expect(attributes).toContainEqual(attribute);
    const failed = (direction: "in" | "out") =>
      [0, 5, 14].filter((code) => at(spanOf(direction, code), "status", "code") === 2);
    expect([failed("out"), failed("in")]).toEqual([[5, 14], [14]]);
  });

  test("says where a request went, and of an error which", () => {
    const valuesOf = (over: Parameters<typeof exchange>[0]): Readonly<Record<string, unknown>> => {
      const span = at(tracesOf([exchange(over)]), "resourceSpans", 0, "scopeSpans", 0, "spans", 0);
      const pairs = asArray(at(span, "attributes")).map((each) => [
        String(at(each, "key")),
        at(each, "value", "stringValue") ?? Number(at(each, "value", "intValue")),
      ]);
      return Object.fromEntries(pairs) as Readonly<Record<string, unknown>>;
    };
    expect(valuesOf({ request: request({ authority: "[fd00::1]:8080" }) })).toMatchObject({
      "server.address": "fd00::1",
      "server.port": 8080,
      "network.peer.port": 8080,
      "http.response.status_code": 200,
    });
    const errorOf = (over: Parameters<typeof response>[0]): unknown =>
      valuesOf({ response: response(over) })["error.type"];
    expect(errorOf({})).toBeUndefined();
    expect(errorOf({ status: 404 })).toBeUndefined();
    expect(errorOf({ status: 503 })).toBe("503");
    expect(errorOf({ complete: false })).toBe("_OTHER");
    expect(errorOf({ status: 0 })).toBe("_OTHER");
    expect(valuesOf({ response: response({ status: 0 }) })["http.response.status_code"]).toBeUndefined();
    expect(errorOf({ grpcStatus: 17 })).toBe("17");
  });

  test("warns when the collector refuses", async () => {
    const collector = Bun.serve({ port: 0, fetch: () => new Response("", { status: 503 }) });
    const events: Event[] = [];
    const stop = new AbortController();
    const emit = (event: Event): void => void events.push(event);
    const otlp = otlpExport(`http://localhost:${collector.port}/x`, { clock: systemClock, emit });
    otlp.add(exchange());
    stop.abort();
    await otlp.run(stop.signal);
    await collector.stop(true);
    expect(events).toMatchObject([{ type: "message", level: "warning" }]);
    expect(JSON.stringify(events)).toContain("it answered 503");
  });

  test.each(["", "localhost:4318", "ftp://x"])("refuses %j", (url) => {
    expect(() => otlpExport(url, { clock: systemClock, emit: () => {} })).toThrow("`--otlp` takes");
  });
});
