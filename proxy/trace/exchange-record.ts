/**
 * One exchange as the data path leaves it: numbers, and the texts that were read anyway. What people see of it is made
 * later (format-record.ts), and only where somebody listens.
 */
import type { Direction, SpaceSource } from "../../core/trace.ts";
import type { RouteReason } from "../../core/routing.ts";
import type { ExchangeObserver, ExchangeSizes } from "../http/exchange-observer.ts";
import type { Target } from "../http/upstreams.ts";
import type { Capture } from "./capture.ts";

export interface TracedRequest {
  readonly direction: Direction;
  readonly method: string;
  readonly target: string;
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
  /** Milliseconds that it waited for its decision. */
  readonly queueMs: number;
}

/** What the numbers and texts of one record cost beside the characters, roughly. */
const RECORD_BYTES = 240;

export class ExchangeRecord implements ExchangeObserver {
  readonly id: number;
  readonly request: TracedRequest;
  /** Of `performance.now()`; 0: not yet. */
  readonly begunAt: number;
  connectedAt = 0;
  respondedAt = 0;
  endedAt = 0;
  status = 0;
  complete = false;
  reached: Target | undefined;
  tries = 0;
  requestBytes = 0;
  responseBytes = 0;
  capture: Capture | undefined;
  readonly #onEnd: (record: ExchangeRecord) => void;

  constructor(id: number, request: TracedRequest, onEnd: (record: ExchangeRecord) => void) {
    this.id = id;
    this.request = request;
    this.begunAt = performance.now();
    this.#onEnd = onEnd;
  }

  /** Of memory, while the record is kept. */
  get cost(): number {
    const { target, authority, routeAs, traceparent, requestId } = this.request;
    return (
      RECORD_BYTES +
      target.length +
      lengthOf(authority) +
      lengthOf(routeAs) +
      lengthOf(traceparent) +
      lengthOf(requestId)
    );
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

  ended(sizes: ExchangeSizes, complete: boolean): void {
    this.endedAt = performance.now();
    this.requestBytes = sizes.request;
    this.responseBytes = sizes.response;
    this.complete = complete;
    this.#onEnd(this);
  }
}

function lengthOf(text: string | undefined): number {
  return text === undefined ? 0 : text.length;
}
