/** Frames of one connection gathered over one turn, so that they go out with one write. */
import type { Wire } from "../tcp/wire.ts";
import type { Slice } from "./frame.ts";

/** Smaller pieces are copied beside the others; larger ones are passed as they lie. */
const COPIED_BYTES_MAX = 1024;
const CHUNK_BYTES = 4 * 1024;
const GATHERED_BYTES_MAX = 64 * 1024;
/** Written and sent within one call; nothing stays in it. */
const GATHERED = Buffer.allocUnsafeSlow(GATHERED_BYTES_MAX);
const NOTHING = Buffer.alloc(0);

export class Output {
  readonly #parts: Buffer[] = [];
  #bytes = 0;
  /** `#chunk[#from, #to)` is written and not yet a part. */
  #chunk: Buffer = NOTHING;
  #from = 0;
  #to = 0;
  /** `#run[#runFrom, #runTo)` comes behind that, and is not yet a part either. */
  #run: Buffer | undefined;
  #runFrom = 0;
  #runTo = 0;

  get empty(): boolean {
    return this.#bytes === 0;
  }

  /** Room for `bytes` more; write at `offset` and then `commit`. */
  reserve(bytes: number): Buffer {
    this.#endRun();
    return this.#room(bytes);
  }

  get offset(): number {
    return this.#to;
  }

  commit(bytes: number): void {
    this.#to += bytes;
    this.#bytes += bytes;
  }

  /** Whole frames, or the rest of one. Kept by reference until the flush. */
  push(bytes: Buffer): void {
    this.pass({ bytes, from: 0, to: bytes.length });
  }

  /** As `push`. Frames that were received behind one another leave as one piece. */
  pass({ bytes, from, to }: Slice): void {
    this.#bytes += to - from;
    if (this.#run !== bytes || this.#runTo !== from) {
      this.#endRun();
      this.#run = bytes;
      this.#runFrom = from;
    }
    this.#runTo = to;
  }

  /** @param keep whether more is to be expected soon: else no memory is held for it */
  flush(wire: Wire, keep: boolean): void {
    if (this.#bytes === 0) return;
    this.#endRun();
    this.#seal();
    const parts = this.#parts;
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) wire.write(only);
    else if (this.#bytes > GATHERED_BYTES_MAX) for (const part of parts) wire.write(part);
    else wire.writeBorrowed(gather(parts));
    parts.length = 0;
    this.#bytes = 0;
    // What the wire keeps, it keeps by reference.
    if (wire.backlogged || !keep) this.#chunk = NOTHING;
    this.#from = 0;
    this.#to = 0;
  }

  #room(bytes: number): Buffer {
    if (this.#chunk.length - this.#to < bytes) {
      this.#seal();
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, bytes));
      this.#from = 0;
      this.#to = 0;
    }
    return this.#chunk;
  }

  #endRun(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    const length = this.#runTo - this.#runFrom;
    if (length <= COPIED_BYTES_MAX) {
      run.copy(this.#room(length), this.#to, this.#runFrom, this.#runTo);
      this.#to += length;
      return;
    }
    this.#seal();
    this.#parts.push(length === run.length ? run : run.subarray(this.#runFrom, this.#runTo));
  }

  #seal(): void {
    if (this.#to === this.#from) return;
    this.#parts.push(this.#chunk.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}

function gather(parts: readonly Buffer[]): Buffer {
  let at = 0;
  for (const part of parts) at += part.copy(GATHERED, at);
  return GATHERED.subarray(0, at);
}
