/** The streams of one connection that were closed last, and how: frames may still be on their way to them (RFC 9113 §5.1). */
import { HTTP2_CLOSED_STREAMS_MAX } from "../../core/limits.ts";

/** By whom: both sides ended, the peer reset it, or we did. */
export type Closing = "ended" | "reset-by-peer" | "reset-by-us";

const CODES: readonly Closing[] = ["ended", "reset-by-peer", "reset-by-us"];

export class ClosedStreams {
  /** By the low bits of the identifier: identifier × 4 + how. */
  #places: Float64Array | undefined;

  add(id: number, closing: Closing): void {
    this.#places ??= new Float64Array(HTTP2_CLOSED_STREAMS_MAX);
    this.#places[placeOf(id)] = id * 4 + CODES.indexOf(closing);
  }

  /** `undefined` for streams that never were, or are forgotten. */
  find(id: number): Closing | undefined {
    const found = this.#places?.[placeOf(id)] ?? 0;
    return found !== 0 && Math.floor(found / 4) === id ? CODES[found % 4] : undefined;
  }
}

/** Identifiers of one side are all odd. */
function placeOf(id: number): number {
  return (id >>> 1) & (HTTP2_CLOSED_STREAMS_MAX - 1);
}
