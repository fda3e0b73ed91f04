/** The exchanges of one sidecar: noted as they go, remembered for a while, told to whoever listens. */
import { TRACE_CAPTURES_MAX } from "../../core/limits.ts";
import { Capture } from "./capture.ts";
import { ExchangeRecord, type DecidedRequest, type NotedExchange, type RecordKeeper } from "./exchange-record.ts";
import { RequestMetrics } from "./request-metrics.ts";
import { TraceRing } from "./trace-ring.ts";

export interface TraceListener {
  /** Wants the messages themselves. */
  readonly captures: boolean;
  readonly began: (record: ExchangeRecord) => void;
  /** Whoever keeps the capture holds it (`Capture.hold`) and releases it. */
  readonly ended: (record: ExchangeRecord, capture: Capture | undefined) => void;
}

export class Trace implements RecordKeeper {
  readonly metrics = new RequestMetrics();
  readonly #ring = new TraceRing();
  readonly #listeners = new Set<TraceListener>();
  #captures = 0;
  #last = 0;

  /** Number of the latest exchange. */
  get last(): number {
    return this.#last;
  }

  /** The observer of a request that has just been decided. */
  begin(request: DecidedRequest): ExchangeRecord {
    this.#last += 1;
    const record = new ExchangeRecord(this.#last, request, this);
    if (this.#listeners.size > 0) this.#tellBegin(record);
    return record;
  }

  /** Ended ones, oldest first. */
  remembered(): readonly NotedExchange[] {
    return this.#ring.all();
  }

  /** Returns how to stop. */
  listen(listener: TraceListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Told by the record itself. */
  ended(record: ExchangeRecord): void {
    this.metrics.add(record);
    this.#ring.push(record);
    if (this.#listeners.size > 0 || record.capture !== undefined) this.#tellEnd(record);
  }

  #tellBegin(record: ExchangeRecord): void {
    let captures = false;
    for (const listener of this.#listeners) {
      listener.began(record);
      captures ||= listener.captures;
    }
    if (!captures || this.#captures >= TRACE_CAPTURES_MAX) return;
    this.#captures += 1;
    record.capture = new Capture(() => {
      this.#captures -= 1;
    });
  }

  #tellEnd(record: ExchangeRecord): void {
    const { capture } = record;
    // The ring keeps no messages.
    record.capture = undefined;
    for (const listener of this.#listeners) listener.ended(record, capture);
    capture?.release();
  }
}
