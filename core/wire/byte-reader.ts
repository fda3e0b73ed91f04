import { AzdsError } from "../errors.ts";
import type { ByteStream } from "./byte-stream.ts";

/** Reads a stream in the portions its protocol needs instead of those the carrier delivers. */
export class ByteReader {
  readonly #stream: Pick<ByteStream, "read">;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(stream: Pick<ByteStream, "read">) {
    this.#stream = stream;
  }

  /** The next bytes as they come, or `undefined` at the end. */
  async some(): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0) return this.#stream.read();
    return this.#take(this.#rest.length);
  }

  /**
   * Exactly `size` bytes, or `undefined` when the stream ends before the first of them.
   * @throws AzdsError CONNECTION_LOST when it ends in the middle
   */
  async exactly(size: number): Promise<Uint8Array | undefined> {
    if (this.#rest.length >= size) return this.#take(size);
    const parts: Uint8Array[] = [];
    let missing = size;
    while (missing > 0) {
      const bytes = await this.some();
      if (bytes === undefined && missing === size) return undefined;
      if (bytes === undefined)
        throw new AzdsError("CONNECTION_LOST", "The connection ended in the middle of a message");
      const part = bytes.subarray(0, missing);
      this.#rest = bytes.subarray(part.length);
      parts.push(part);
      missing -= part.length;
    }
    return concatenate(parts);
  }

  /**
   * Bytes up to and with `delimiter`.
   * @throws AzdsError PROTOCOL when `sizeMax` bytes hold none, CONNECTION_LOST when the stream ends before one
   */
  async until(delimiter: string, sizeMax: number): Promise<Uint8Array> {
    const wanted = Buffer.from(delimiter);
    let searched = 0;
    for (;;) {
      const found = Buffer.from(this.#rest.buffer, this.#rest.byteOffset, this.#rest.length).indexOf(wanted, searched);
      if (found >= 0 && found + wanted.length <= sizeMax) return this.#take(found + wanted.length);
      if (found >= 0 || this.#rest.length >= sizeMax)
        throw new AzdsError("PROTOCOL", `The peer sent no end of line within ${sizeMax} bytes`);
      searched = Math.max(0, this.#rest.length - wanted.length + 1);
      const bytes = await this.#stream.read();
      if (bytes === undefined) throw new AzdsError("CONNECTION_LOST", "The connection ended in the middle of a line");
      this.#rest = concatenate([this.#rest, bytes]);
    }
  }

  #take(size: number): Uint8Array {
    const taken = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(size);
    return taken;
  }
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
