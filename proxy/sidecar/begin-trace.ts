/** From a decision to the record of its exchange. */
import type { RouteReason } from "../../core/routing.ts";
import type { Direction } from "../../core/trace.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { ExchangeRecord } from "../trace/exchange-record.ts";
import type { Pod, RequestSpace } from "./pod.ts";

/** A request that waits for its decision. */
export interface Asking {
  readonly head: RequestHead;
  /** Milliseconds that it has waited. */
  readonly queueMs: number;
}

interface Decided extends Asking {
  readonly direction: Direction;
  readonly peer: string;
  readonly space: RequestSpace;
  readonly reason: RouteReason;
  readonly unknownSpace: boolean;
}

export function beginTrace(pod: Pod, decided: Decided): ExchangeRecord {
  const { head, space } = decided;
  return pod.trace.begin({
    direction: decided.direction,
    method: head.method,
    target: head.target,
    authority: space.authority,
    peer: decided.peer,
    routeAs: space.routeAs,
    source: space.source,
    unknownSpace: decided.unknownSpace,
    reason: decided.reason,
    traceparent: head.fields.traceparent,
    requestId: head.fields.requestId,
    probe: head.fields.probe,
    queueMs: decided.queueMs,
  });
}
