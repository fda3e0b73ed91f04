/** What is remembered of exchanges that have ended, and how much of it. */
import { describe, expect, test } from "bun:test";
import { TRACE_RECORDS_MAX, TRACE_RING_BYTES_MAX } from "../../../../core/limits.ts";
import { type DecidedRequest, ExchangeRecord } from "../../../../proxy/trace/exchange-record.ts";
import { TraceRing } from "../../../../proxy/trace/trace-ring.ts";

const REQUEST: DecidedRequest = {
  direction: "in",
  head: { method: "GET", target: "/", fields: { traceparent: undefined, requestId: undefined, probe: false } },
  queueMs: 0,
  peer: "10.0.0.1",
  space: { authority: "web", routeAs: undefined, source: undefined },
  reason: "here",
  unknownSpace: false,
};

function ended(id: number, request: Partial<DecidedRequest> = {}): ExchangeRecord {
  return new ExchangeRecord(id, { ...REQUEST, ...request }, { ended: () => {} });
}

function idsOf(ring: TraceRing): readonly number[] {
  return ring.all().map(({ id }) => id);
}

describe("the ring of traces", () => {
  test("gives back all that a record says", () => {
    const record = ended(7, {
      direction: "out",
      head: {
        method: "POST",
        target: "/orders?é=1",
        http2: true,
        protocol: "websocket",
        fields: { traceparent: "00-a-b-01", requestId: "q", probe: true },
      },
      queueMs: 1.5,
      space: { authority: "shop", routeAs: "alice", source: "baggage" },
      reason: "space",
      unknownSpace: true,
    });
    record.connected({ address: "fd00::1", port: 8080, service: "alice/shop", mark: "alice/shop" });
    record.responded(201);
    record.rpcEnded(14);
    record.ended({ request: 2 ** 40, response: 12 }, true);
    const ring = new TraceRing();
    ring.push(record);
    const { id, direction, method, target, authority, peer, routeAs, source, unknownSpace, reason } = record;
    const { traceparent, requestId, probe, queueMs, begunAt, connectedAt, respondedAt, endedAt } = record;
    const { status, grpcStatus, complete, tries, requestBytes, responseBytes, http2, protocol } = record;
    const asked = { id, direction, method, target, authority, peer, routeAs, source, unknownSpace, reason };
    const timed = { traceparent, requestId, probe, queueMs, begunAt, connectedAt, respondedAt, endedAt };
    const answered = { status, grpcStatus, complete, tries, requestBytes, responseBytes, http2, protocol };
    const reached = { address: "fd00::1", port: 8080, service: "alice/shop" };
    expect(ring.all()).toStrictEqual([{ ...asked, ...timed, ...answered, reached }]);
  });

  test("knows one that reached nobody, beside one that did", () => {
    const ring = new TraceRing();
    const reached = ended(1);
    reached.connected({ address: "10.0.0.2", port: 80 });
    ring.push(reached);
    ring.push(ended(2));
    expect(ring.all().map((note) => note.reached)).toStrictEqual([
      { address: "10.0.0.2", port: 80, service: undefined },
      undefined,
    ]);
  });

  test("keeps the latest, oldest first", () => {
    const ring = new TraceRing();
    for (let id = 1; id <= TRACE_RECORDS_MAX + 3; id += 1) ring.push(ended(id));
    const ids = idsOf(ring);
    const count = ids.length;
    expect(ids).toStrictEqual(Array.from({ length: count }, (_, i) => TRACE_RECORDS_MAX + 4 - count + i));
    expect(ring.all().every(({ target, authority }) => target === "/" && authority === "web")).toBe(true);
  });

  test("forgets the oldest for a large one", () => {
    const ring = new TraceRing();
    for (let id = 1; id <= 3; id += 1) ring.push(ended(id));
    ring.push(ended(4, { head: { ...REQUEST.head, target: `/${"x".repeat(TRACE_RING_BYTES_MAX - 600)}` } }));
    expect(idsOf(ring)).toStrictEqual([3, 4]);
  });
});
