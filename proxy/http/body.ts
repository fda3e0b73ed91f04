/** Where a message's body ends (RFC 9112 §6.3). */
import { ChunkedScanner } from "./chunked.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";

export type Framing =
  | { readonly kind: "none" | "chunked" | "until-close" }
  | { readonly kind: "length"; readonly bytes: number };

const NONE: Framing = { kind: "none" };
const CHUNKED: Framing = { kind: "chunked" };
const UNTIL_CLOSE: Framing = { kind: "until-close" };

export function requestFraming(head: RequestHead): Framing {
  if (head.fields.chunked) return CHUNKED;
  return head.fields.contentLength > 0 ? { kind: "length", bytes: head.fields.contentLength } : NONE;
}

/** Of a final response (status 200 and above) to a request of `method`. */
export function responseFraming(head: ResponseHead, method: string): Framing {
  if (method === "HEAD" || head.status === 204 || head.status === 304) return NONE;
  if (head.fields.transferCoded) return head.fields.chunked ? CHUNKED : UNTIL_CLOSE;
  const length = head.fields.contentLength;
  if (length < 0) return UNTIL_CLOSE;
  return length === 0 ? NONE : { kind: "length", bytes: length };
}

/** Follows one body through the buffers it arrives in. */
export class BodyScanner {
  readonly #chunked: ChunkedScanner | undefined;
  #left: number;

  constructor(framing: Framing) {
    this.#chunked = framing.kind === "chunked" ? new ChunkedScanner() : undefined;
    this.#left =
      framing.kind === "length" ? framing.bytes : framing.kind === "until-close" ? Number.POSITIVE_INFINITY : 0;
  }

  get done(): boolean {
    return this.#chunked === undefined ? this.#left === 0 : this.#chunked.done;
  }

  /** Only the end of the connection ends this body. */
  get untilClose(): boolean {
    return this.#left === Number.POSITIVE_INFINITY;
  }

  /** Offset behind the last byte of `bytes[from, end)` that belongs to the body; -1 when its framing is broken. */
  scan(bytes: Buffer, from: number, end: number): number {
    if (this.#chunked !== undefined) return this.#chunked.scan(bytes, from, end);
    const taken = Math.min(this.#left, end - from);
    this.#left -= taken;
    return from + taken;
  }
}
