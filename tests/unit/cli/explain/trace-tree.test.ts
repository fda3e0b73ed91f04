import { describe, expect, test } from "bun:test";
import type { Exchange } from "../../../../cli/engine/traces/exchange.ts";
import { liveRows } from "../../../../cli/explain/live-rows.ts";
import { type Place, traceTree } from "../../../../cli/explain/trace-tree.ts";
import type { RequestTrace } from "../../../../core/trace.ts";

const PODS: readonly Place[] = [
  { name: "a-1", namespace: "dev", addresses: ["10.0.0.1"] },
  { name: "b-1", namespace: "dev", addresses: ["10.0.0.2"] },
  { name: "b-2", namespace: "alice", addresses: ["10.0.0.3"] },
  { name: "c-1", namespace: "dev", addresses: ["10.0.0.4"] },
];

interface Plan {
  readonly pod: string;
  readonly direction: RequestTrace["direction"];
  readonly at: number;
  readonly totalMs?: number;
  readonly peer?: string;
  readonly reason?: string;
  /** Service that was reached. */
  readonly to?: string;
  readonly path?: string;
  readonly id?: number;
  readonly grpcStatus?: number;
}

function exchange({
  pod,
  direction,
  at,
  totalMs = 1,
  peer = "",
  reason = "here",
  to,
  path = "/",
  id = at,
  grpcStatus,
}: Plan): Exchange {
  const [namespace = "", name = ""] = pod.split("/");
  return {
    pod: name,
    namespace,
    service: "",
    run: "r",
    request: { type: "request", id, at, direction, method: "GET", authority: "x", path, peer, reason },
    response: {
      type: "response",
      id,
      status: 200,
      ...(grpcStatus === undefined ? {} : { grpcStatus }),
      complete: true,
      address: "10.96.0.1",
      port: 80,
      ...(to === undefined ? {} : { service: to }),
      tries: 1,
      queueMs: 0,
      connectMs: 0,
      firstByteMs: 0,
      totalMs,
      requestBytes: 0,
      responseBytes: 0,
    },
  };
}

function tree(plans: readonly Plan[]) {
  const behind = ({ response }: Exchange, { name, namespace }: Place): boolean =>
    response?.service === `${namespace}/${name.split("-")[0]}`;
  return liveRows(traceTree(plans.map(exchange), PODS, behind)).map(
    ([request, service, pod, , , why]) => `${request}|${service}|${pod}|${why}`,
  );
}

describe("traceTree()", () => {
  const HERE = "no nearer version exists";
  const SPACE = "it is the nearest from the space of the request upwards";

  test("follows a request over three services, in whatever order the exchanges come", () => {
    const plans: readonly Plan[] = [
      { pod: "dev/c-1", direction: "in", at: 104, reason: "marked", peer: "10.0.0.3" },
      { pod: "alice/b-2", direction: "out", at: 103, totalMs: 2, reason: "space", to: "dev/c" },
      { pod: "alice/b-2", direction: "in", at: 102, totalMs: 4, reason: "marked", peer: "10.0.0.1" },
      { pod: "dev/a-1", direction: "out", at: 101, totalMs: 6, reason: "space", to: "alice/b" },
      { pod: "dev/a-1", direction: "in", at: 100, totalMs: 8 },
    ];
    const rows = [
      `GET x/||dev/a-1|${HERE}`,
      `  └ GET x/|alice/b|alice/b-2|${SPACE}`,
      `    └ GET x/|dev/c|dev/c-1|${SPACE}`,
    ];
    expect(tree(plans)).toEqual(rows);
    expect(tree(plans.toReversed())).toEqual(rows);
  });

  test("takes a request that a sidecar handed on for one, with the reason of the last decision", () => {
    const plans: readonly Plan[] = [
      { pod: "dev/a-1", direction: "in", at: 100, totalMs: 9 },
      { pod: "dev/a-1", direction: "out", at: 101, totalMs: 6, reason: "as-dialled", to: "dev/b" },
      { pod: "dev/b-1", direction: "in", at: 102, totalMs: 5, reason: "nearer", peer: "10.0.0.1", to: "alice/b" },
      { pod: "alice/b-2", direction: "in", at: 103, totalMs: 4, reason: "marked", peer: "10.0.0.2" },
    ];
    expect(tree(plans)).toEqual([
      `GET x/||dev/a-1|${HERE}`,
      "  └ GET x/|alice/b|alice/b-2|it is a nearer version of the same service",
    ]);
  });

  test("says how a gRPC call ended", () => {
    const calls = traceTree([exchange({ pod: "dev/a-1", direction: "in", at: 1, grpcStatus: 5 })], PODS, () => false);
    expect(calls[0]).toMatchObject({ status: 200, grpcStatus: 5 });
    expect(liveRows(calls)[0]).toContain("200 grpc:NOT_FOUND");
  });

  test("gives each of two like calls its own arrival, and keeps what only one side tells", () => {
    const plans: readonly Plan[] = [
      { pod: "dev/a-1", direction: "enter", at: 100, totalMs: 20, reason: "host", to: "dev/b", id: 1 },
      { pod: "dev/b-1", direction: "in", at: 101, totalMs: 18, peer: "10.0.0.1", reason: "marked", id: 2 },
      { pod: "dev/b-1", direction: "out", at: 102, totalMs: 3, reason: "space", to: "dev/c", id: 3 },
      { pod: "dev/b-1", direction: "out", at: 106, totalMs: 3, reason: "space", to: "dev/c", id: 4 },
      { pod: "dev/b-1", direction: "out", at: 110, totalMs: 3, reason: "no-service", id: 5 },
      { pod: "dev/c-1", direction: "in", at: 103, peer: "10.0.0.2", reason: "marked", id: 6 },
    ];
    expect(tree(plans)).toEqual([
      "GET x/|dev/b|dev/b-1|its host says so",
      `  ├ GET x/|dev/c|dev/c-1|${SPACE}`,
      `  ├ GET x/|dev/c||${SPACE}`,
      "  └ GET x/|||it goes where it was dialled: that is no Service of this tree",
    ]);
  });
});
