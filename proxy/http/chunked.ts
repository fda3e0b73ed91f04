/** The chunked transfer coding (RFC 9112 §7.1), followed to its end; the bytes themselves pass as they are. */
import { CHUNK_LINE_BYTES_MAX, HEAD_BYTES_MAX } from "../../core/limits.ts";

const LF = 10;
const CR = 13;
const SP = 32;
const HTAB = 9;
const SEMICOLON = 59;
/** 13 hexadecimal digits are 2^52 - 1 at most. */
const SIZE_DIGITS_MAX = 13;

type State =
  | "size"
  | "blank"
  | "extension"
  | "size-lf"
  | "data"
  | "data-cr"
  | "data-lf"
  | "line"
  | "trailer"
  | "trailer-lf"
  | "end-lf"
  | "done";

export class ChunkedScanner {
  #state: State = "size";
  /** Bytes left in the chunk. */
  #left = 0;
  #digits = 0;
  /** Bytes of the current size line, then of the trailers. */
  #lineBytes = 0;

  readonly #content: ((bytes: Buffer) => void) | undefined;

  /** @param content gets the decoded bytes, for readers that need them */
  constructor(content?: (bytes: Buffer) => void) {
    this.#content = content;
  }

  get done(): boolean {
    return this.#state === "done";
  }

  /** Offset behind the last byte of `bytes[from, end)` that belongs to the body; -1 when the coding is broken. */
  scan(bytes: Buffer, from: number, end: number): number {
    let at = from;
    while (at < end && this.#state !== "done") {
      if (this.#state === "data") {
        const taken = Math.min(this.#left, end - at);
        this.#content?.(bytes.subarray(at, at + taken));
        at += taken;
        this.#left -= taken;
        if (this.#left === 0) this.#state = "data-cr";
        continue;
      }
      const next = this.#step(bytes[at] ?? 0);
      if (next === undefined) return -1;
      this.#state = next;
      at += 1;
    }
    return at;
  }

  #step(byte: number): State | undefined {
    switch (this.#state) {
      case "size":
        return this.#size(byte);
      case "blank":
        if (byte === SEMICOLON) return "extension";
        if (byte === CR) return "size-lf";
        return byte === SP || byte === HTAB ? this.#bounded("blank", CHUNK_LINE_BYTES_MAX) : undefined;
      case "extension":
        if (byte === CR) return "size-lf";
        return byte === LF || byte === 0 ? undefined : this.#bounded("extension", CHUNK_LINE_BYTES_MAX);
      case "size-lf":
        return byte === LF ? this.#sizeLineEnd() : undefined;
      case "data-cr":
        return byte === CR ? "data-lf" : undefined;
      case "data-lf":
        return byte === LF ? "size" : undefined;
      case "line":
        if (byte === CR) return "end-lf";
        return byte === LF || byte === 0 ? undefined : this.#bounded("trailer", HEAD_BYTES_MAX);
      case "trailer":
        if (byte === CR) return "trailer-lf";
        return byte === LF || byte === 0 ? undefined : this.#bounded("trailer", HEAD_BYTES_MAX);
      case "trailer-lf":
        return byte === LF ? "line" : undefined;
      case "end-lf":
        return byte === LF ? "done" : undefined;
      case "data":
      case "done":
        return this.#state;
    }
  }

  #size(byte: number): State | undefined {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#digits += 1;
      this.#left = this.#left * 16 + digit;
      return this.#digits <= SIZE_DIGITS_MAX ? "size" : undefined;
    }
    if (this.#digits === 0) return undefined;
    if (byte === CR) return "size-lf";
    if (byte === SEMICOLON) return "extension";
    return byte === SP || byte === HTAB ? "blank" : undefined;
  }

  #sizeLineEnd(): State {
    this.#digits = 0;
    this.#lineBytes = 0;
    return this.#left === 0 ? "line" : "data";
  }

  #bounded(state: State, limit: number): State | undefined {
    this.#lineBytes += 1;
    return this.#lineBytes <= limit ? state : undefined;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
