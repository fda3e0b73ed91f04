/** Memory that is filled again and again: what is lent of it is good until it is filled next. */
import { KEPT_VIEW_BYTES_MAX } from "../../core/limits.ts";

export class LentMemory {
  readonly bytes: Buffer;
  /** By length: messages are short, and a view for each of them would be most of their garbage. */
  readonly #views: (Buffer | undefined)[] = [];

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Its first `length` bytes. */
  lend(length: number): Buffer {
    if (length > KEPT_VIEW_BYTES_MAX) return this.bytes.subarray(0, length);
    this.#views[length] ??= this.bytes.subarray(0, length);
    return this.#views[length];
  }
}
