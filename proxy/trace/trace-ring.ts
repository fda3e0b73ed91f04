/** The latest exchanges that have ended, within a bound of bytes. */
import { TRACE_RECORDS_MAX, TRACE_RING_BYTES_MAX } from "../../core/limits.ts";
import type { ExchangeRecord } from "./exchange-record.ts";

export class TraceRing {
  readonly #records: (ExchangeRecord | undefined)[] = Array.from({ length: TRACE_RECORDS_MAX });
  /** Of each record, beside it: one that is dropped lies far away in memory. */
  readonly #costs = new Int32Array(TRACE_RECORDS_MAX);
  /** Counts up for ever; the place is its remainder. */
  #oldest = 0;
  #next = 0;
  #bytes = 0;

  push(record: ExchangeRecord): void {
    if (this.#next - this.#oldest === TRACE_RECORDS_MAX) this.#dropOldest();
    const place = this.#next % TRACE_RECORDS_MAX;
    this.#records[place] = record;
    this.#costs[place] = record.cost;
    this.#next += 1;
    this.#bytes += record.cost;
    while (this.#bytes > TRACE_RING_BYTES_MAX) this.#dropOldest();
  }

  /** Oldest first. */
  all(): readonly ExchangeRecord[] {
    const found: ExchangeRecord[] = [];
    for (let at = this.#oldest; at < this.#next; at += 1) {
      const record = this.#records[at % TRACE_RECORDS_MAX];
      if (record !== undefined) found.push(record);
    }
    return found;
  }

  #dropOldest(): void {
    const place = this.#oldest % TRACE_RECORDS_MAX;
    this.#bytes -= this.#costs[place] ?? 0;
    this.#records[place] = undefined;
    this.#oldest += 1;
  }
}
