/**
 * One client of the traces. It gets what waits for it in portions, as fast as it reads; what does not fit meanwhile is
 * left out and counted, so that a slow client costs neither traffic nor memory.
 */
import { TRACE_FLUSH_MAX, TRACE_FLUSH_MS, TRACE_QUEUE_MAX } from "../../core/limits.ts";
import type { TraceMessage, TraceWish } from "../../core/trace.ts";
import { DISCARD, type Wire } from "../tcp/wire.ts";
import type { Capture } from "./capture.ts";
import type { NotedExchange } from "./exchange-record.ts";
import { formatRequest, formatResponse, type Secrets } from "./format-record.ts";
import type { Trace, TraceListener } from "./trace.ts";

interface Waiting {
  readonly record: NotedExchange;
  readonly ended: boolean;
  readonly capture?: Capture | undefined;
}

export interface TraceClientOptions {
  readonly trace: Trace;
  readonly wire: Wire;
  readonly wish: TraceWish;
  readonly secrets: Secrets;
  /** Names this run of the worker. */
  readonly run: string;
  /** Called once, when the client has gone. */
  readonly closed: () => void;
}

export class TraceClient implements TraceListener {
  readonly captures: boolean;
  readonly #options: TraceClientOptions;
  /** Exchanges up to this number began before the client came: it is told of their beginning with their end. */
  readonly #since: number;
  readonly #queue: Waiting[] = [];
  #dropped = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stop: (() => void) | undefined;

  constructor(options: TraceClientOptions) {
    const { trace, wish } = options;
    this.captures = wish.fields || wish.bodies;
    this.#options = options;
    this.#since = trace.last;
  }

  /** Takes over the connection. */
  start(): void {
    const { trace, wire, wish, run } = this.#options;
    wire.owner = { ...DISCARD, drain: () => this.#schedule(), end: () => wire.close(), close: () => this.#close() };
    this.#write([{ type: "hello", run }]);
    if (wish.backlog) for (const record of trace.remembered()) this.ended(record, undefined);
    if (wish.follow === false) this.#schedule();
    else this.#stop = trace.listen(this);
  }

  began(record: NotedExchange): void {
    this.#push({ record, ended: false });
  }

  ended(record: NotedExchange, capture: Capture | undefined): void {
    if (record.id <= this.#since) this.#push({ record, ended: false });
    if (capture !== undefined && this.captures) capture.hold();
    this.#push({ record, ended: true, capture: this.captures ? capture : undefined });
  }

  #close(): void {
    this.#stop?.();
    clearTimeout(this.#timer);
    for (const { capture } of this.#queue.splice(0)) capture?.release();
    this.#options.closed();
  }

  #push(waiting: Waiting): void {
    if (this.#queue.length >= TRACE_QUEUE_MAX) {
      waiting.capture?.release();
      this.#dropped += 1;
    } else {
      this.#queue.push(waiting);
      this.#schedule();
    }
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#flush(), TRACE_FLUSH_MS);
  }

  #flush(): void {
    this.#timer = undefined;
    // `drain` comes when it has read what it was sent.
    if (this.#options.wire.backlogged) return;
    const portion = this.#queue.splice(0, TRACE_FLUSH_MAX);
    const messages = portion.map((waiting) => this.#format(waiting));
    for (const { capture } of portion) capture?.release();
    if (this.#queue.length > 0) this.#schedule();
    else if (this.#dropped > 0) {
      messages.push({ type: "dropped", count: this.#dropped });
      this.#dropped = 0;
    }
    const isOver = this.#options.wish.follow === false && this.#queue.length === 0;
    if (isOver) messages.push({ type: "end" });
    if (messages.length > 0) this.#write(messages);
    if (isOver) this.#options.wire.close();
  }

  #format({ record, ended, capture }: Waiting): TraceMessage {
    const { wish, secrets } = this.#options;
    return ended ? formatResponse(record, { wish, secrets, capture }) : formatRequest(record, secrets);
  }

  #write(messages: readonly TraceMessage[]): void {
    this.#options.wire.write(Buffer.from(messages.map((message) => `${JSON.stringify(message)}\n`).join(""), "utf8"));
  }
}
