/**
 * One exchange as the data path leaves it: numbers, and the texts that were read anyway, all in one object, for this is
 * made for each request. What people see of it is made later (format-record.ts), and only where somebody listens.
 */
import type { Direction, SpaceSource } from "../../core/trace.ts";
import type { RouteReason } from "../../core/routing.ts";
import type { ExchangeObserver, ExchangeSizes } from "../http/exchange-observer.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { Target } from "../http/upstreams.ts";
import type { Capture } from "./capture.ts";

/** A request as it was decided. The record takes what it needs: heads are not kept. */
export interface DecidedRequest {
  readonly direction: Direction;
  readonly head: Pick<RequestHead, "method" | "target" | "http2" | "protocol"> & {
    readonly fields: Pick<RequestHead["fields"], "traceparent" | "requestId" | "probe">;
  };
  /** Milliseconds that it waited for its decision. */
  readonly queueMs: number;
  readonly peer: string;
  readonly space: {
    readonly authority: string | undefined;
    readonly routeAs: string | undefined;
    readonly source: SpaceSource | undefined;
  };
  readonly reason: RouteReason;
  readonly unknownSpace: boolean;
}

/** Who gets the record when it is complete. */
export interface RecordKeeper {
  readonly ended: (record: ExchangeRecord) => void;
}

/** What is told of an exchange. */
export type NotedExchange = Omit<
  ExchangeRecord,
  "connected" | "responded" | "rpcEnded" | "ended" | "capture" | "cost" | "reached"
> & { readonly reached: Pick<Target, "address" | "port" | "service"> | undefined };

/** What the numbers and texts of one record cost beside the characters, roughly. */
const RECORD_BYTES = 240;

export class ExchangeRecord implements ExchangeObserver {
  readonly id: number;
  readonly direction: Direction;
  readonly method: string;
  readonly target: string;
  readonly http2: true | undefined;
  readonly protocol: string | undefined;
  readonly authority: string | undefined;
  readonly peer: string;
  readonly routeAs: string | undefined;
  readonly source: SpaceSource | undefined;
  readonly unknownSpace: boolean;
  readonly reason: RouteReason;
  readonly traceparent: string | undefined;
  readonly requestId: string | undefined;
  /** Of the kubelet. */
  readonly probe: boolean;
  readonly queueMs: number;
  /** Of memory, while the record is kept. */
  readonly cost: number;
  /** Of `performance.now()`; 0: not yet. */
  readonly begunAt: number;
  connectedAt = 0;
  respondedAt = 0;
  endedAt = 0;
  status = 0;
  /** -1: none was read. */
  grpcStatus = -1;
  complete = false;
  reached: Target | undefined = undefined;
  tries = 0;
  requestBytes = 0;
  responseBytes = 0;
  capture: Capture | undefined = undefined;
  readonly #keeper: RecordKeeper;

  constructor(
    id: number,
    { direction, head, queueMs, peer, space, reason, unknownSpace }: DecidedRequest,
    keeper: RecordKeeper,
  ) {
    const { fields } = head;
    this.id = id;
    this.direction = direction;
    this.method = head.method;
    this.target = head.target;
    this.http2 = head.http2;
    this.protocol = head.protocol;
    this.authority = space.authority;
    this.peer = peer;
    this.routeAs = space.routeAs;
    this.source = space.source;
    this.unknownSpace = unknownSpace;
    this.reason = reason;
    this.traceparent = fields.traceparent;
    this.requestId = fields.requestId;
    this.probe = fields.probe;
    this.queueMs = queueMs;
    this.cost = RECORD_BYTES + head.target.length + lengthOf(space.authority) + lengthOf(fields.requestId);
    this.begunAt = performance.now();
    this.#keeper = keeper;
  }

  connected(target: Target): void {
    this.connectedAt = performance.now();
    this.reached = target;
    this.tries += 1;
    this.capture?.begin();
  }

  responded(status: number): void {
    this.respondedAt = performance.now();
    this.status = status;
  }

  rpcEnded(grpcStatus: number): void {
    this.grpcStatus = grpcStatus;
  }

  ended(sizes: ExchangeSizes, complete: boolean): void {
    this.endedAt = performance.now();
    this.requestBytes = sizes.request;
    this.responseBytes = sizes.response;
    this.complete = complete;
    this.#keeper.ended(this);
  }
}

function lengthOf(text: string | undefined): number {
  return text === undefined ? 0 : text.length;
}
