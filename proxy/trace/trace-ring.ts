/**
 * The latest exchanges that have ended, within a bound of bytes. They are kept as columns of numbers and texts: as
 * objects they would outlive one collection of garbage after another, each of which would have to look at all of them.
 */
import type { RouteReason } from "../../core/routing.ts";
import type { Direction, SpaceSource } from "../../core/trace.ts";
import { TRACE_RECORDS_MAX, TRACE_RING_BYTES_MAX } from "../../core/limits.ts";
import type { ExchangeRecord, NotedExchange } from "./exchange-record.ts";

/** Columns of `#numbers`; `FLAGS` holds the truths. */
const ID = 0;
const BEGUN_AT = 1;
const CONNECTED_AT = 2;
const RESPONDED_AT = 3;
const ENDED_AT = 4;
const QUEUE_MS = 5;
const STATUS = 6;
const TRIES = 7;
const REQUEST_BYTES = 8;
const RESPONSE_BYTES = 9;
const PORT = 10;
const FLAGS = 11;
const COST = 12;
const GRPC_STATUS = 13;
const NUMBERS = 14;

const UNKNOWN_SPACE = 1;
const PROBE = 2;
const COMPLETE = 4;
const HTTP2 = 8;

/** Texts of one exchange, in the order of `#putTexts`. */
const TEXTS = 13;

type Text = string | undefined;

export class TraceRing {
  readonly #numbers = new Float64Array(TRACE_RECORDS_MAX * NUMBERS);
  readonly #texts: Text[] = Array.from({ length: TRACE_RECORDS_MAX * TEXTS });
  /** Counts up for ever; the place is its remainder. */
  #oldest = 0;
  #next = 0;
  #bytes = 0;

  push(record: ExchangeRecord): void {
    if (this.#next - this.#oldest === TRACE_RECORDS_MAX) this.#dropOldest();
    const place = this.#next % TRACE_RECORDS_MAX;
    this.#putNumbers(place, record);
    this.#putTexts(place, record);
    this.#next += 1;
    this.#bytes += record.cost;
    while (this.#bytes > TRACE_RING_BYTES_MAX) this.#dropOldest();
  }

  /** Oldest first. */
  all(): readonly NotedExchange[] {
    const count = this.#next - this.#oldest;
    return Array.from({ length: count }, (_, i) => this.#at((this.#oldest + i) % TRACE_RECORDS_MAX));
  }

  #putNumbers(place: number, record: ExchangeRecord): void {
    const numbers = this.#numbers;
    const at = place * NUMBERS;
    numbers[at + ID] = record.id;
    numbers[at + BEGUN_AT] = record.begunAt;
    numbers[at + CONNECTED_AT] = record.connectedAt;
    numbers[at + RESPONDED_AT] = record.respondedAt;
    numbers[at + ENDED_AT] = record.endedAt;
    numbers[at + QUEUE_MS] = record.queueMs;
    numbers[at + STATUS] = record.status;
    numbers[at + TRIES] = record.tries;
    numbers[at + REQUEST_BYTES] = record.requestBytes;
    numbers[at + RESPONSE_BYTES] = record.responseBytes;
    numbers[at + PORT] = record.reached === undefined ? 0 : record.reached.port;
    numbers[at + FLAGS] = flagsOf(record);
    numbers[at + COST] = record.cost;
    numbers[at + GRPC_STATUS] = record.grpcStatus;
  }

  #putTexts(place: number, record: ExchangeRecord): void {
    const { reached } = record;
    this.#putText(place, 0, record.direction);
    this.#putText(place, 1, record.method);
    this.#putText(place, 2, record.target);
    this.#putText(place, 3, record.authority);
    this.#putText(place, 4, record.peer);
    this.#putText(place, 5, record.routeAs);
    this.#putText(place, 6, record.source);
    this.#putText(place, 7, record.reason);
    this.#putText(place, 8, record.traceparent);
    this.#putText(place, 9, record.requestId);
    this.#putText(place, 10, reached === undefined ? undefined : reached.address);
    this.#putText(place, 11, reached === undefined ? undefined : reached.service);
    this.#putText(place, 12, record.protocol);
  }

  /** Texts that repeat from exchange to exchange are kept once. */
  #putText(place: number, column: number, text: Text): void {
    const before = this.#texts[(place === 0 ? TRACE_RECORDS_MAX - 1 : place - 1) * TEXTS + column];
    this.#texts[place * TEXTS + column] = text === before ? before : text;
  }

  #at(place: number): NotedExchange {
    const number = (column: number): number => this.#numbers[place * NUMBERS + column] ?? 0;
    const [direction, method = "", target = "", authority, peer = "", routeAs, source, reason, ...rest] =
      this.#texts.slice(place * TEXTS, (place + 1) * TEXTS);
    const [traceparent, requestId, address, service, protocol] = rest;
    const flags = number(FLAGS);
    return {
      id: number(ID),
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `#putTexts` has put there
      direction: direction as Direction,
      method,
      target,
      http2: (flags & HTTP2) === 0 ? undefined : true,
      protocol,
      authority,
      peer,
      routeAs,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `#putTexts` has put there
      source: source as SpaceSource | undefined,
      unknownSpace: (flags & UNKNOWN_SPACE) !== 0,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `#putTexts` has put there
      reason: reason as RouteReason,
      traceparent,
      requestId,
      probe: (flags & PROBE) !== 0,
      queueMs: number(QUEUE_MS),
      begunAt: number(BEGUN_AT),
      connectedAt: number(CONNECTED_AT),
      respondedAt: number(RESPONDED_AT),
      endedAt: number(ENDED_AT),
      status: number(STATUS),
      grpcStatus: number(GRPC_STATUS),
      complete: (flags & COMPLETE) !== 0,
      reached: address === undefined ? undefined : { address, port: number(PORT), service },
      tries: number(TRIES),
      requestBytes: number(REQUEST_BYTES),
      responseBytes: number(RESPONSE_BYTES),
    };
  }

  #dropOldest(): void {
    this.#bytes -= this.#numbers[(this.#oldest % TRACE_RECORDS_MAX) * NUMBERS + COST] ?? 0;
    this.#oldest += 1;
  }
}

function flagsOf({ unknownSpace, probe, complete, http2 }: ExchangeRecord): number {
  return (
    (unknownSpace ? UNKNOWN_SPACE : 0) | (probe ? PROBE : 0) | (complete ? COMPLETE : 0) | (http2 === true ? HTTP2 : 0)
  );
}
