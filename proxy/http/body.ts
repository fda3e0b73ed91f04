/** Where a message's body ends (RFC 9112 §6.3). */
import { ChunkedScanner } from "./chunked.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";

/** Length of a body in bytes, or one of the two below. */
export type Framing = number;
export const CHUNKED: Framing = -1;
/** Only the end of the connection ends the body. */
export const UNTIL_CLOSE: Framing = Number.POSITIVE_INFINITY;

export function requestFraming({ fields }: RequestHead): Framing {
  return fields.chunked ? CHUNKED : Math.max(fields.contentLength, 0);
}

/** Of a final response (status 200 and above) to a request of `method`. */
export function responseFraming({ status, fields }: ResponseHead, method: string): Framing {
  if (method === "HEAD" || status === 204 || status === 304) return 0;
  if (fields.transferCoded) return fields.chunked ? CHUNKED : UNTIL_CLOSE;
  return fields.contentLength < 0 ? UNTIL_CLOSE : fields.contentLength;
}

/** Follows one body through the buffers it arrives in. */
export class BodyScanner {
  readonly #chunked: ChunkedScanner | undefined;
  #left: number;

  constructor(framing: Framing) {
    this.#chunked = framing === CHUNKED ? new ChunkedScanner() : undefined;
    this.#left = Math.max(framing, 0);
  }

  get done(): boolean {
    return this.#chunked === undefined ? this.#left === 0 : this.#chunked.done;
  }

  get untilClose(): boolean {
    return this.#left === UNTIL_CLOSE;
  }

  /** Offset behind the last byte of `bytes[from, end)` that belongs to the body; -1 when its framing is broken. */
  scan(bytes: Buffer, from: number, end: number): number {
    if (this.#chunked !== undefined) return this.#chunked.scan(bytes, from, end);
    const taken = Math.min(this.#left, end - from);
    this.#left -= taken;
    return from + taken;
  }
}

/** It never changes, so it is that of all messages without one. */
const NO_BODY = new BodyScanner(0);

export function bodyOf(framing: Framing): BodyScanner {
  return framing === 0 ? NO_BODY : new BodyScanner(framing);
}
