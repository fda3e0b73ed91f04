/** Where all connections read, one behind the other: what was read is gone with the next read. */
import { ptr } from "bun:ffi";
import { KEPT_VIEW_BYTES_MAX, READ_BYTES_MAX } from "../../core/limits.ts";

export class ReadBuffer {
  readonly #bytes = Buffer.allocUnsafeSlow(READ_BYTES_MAX);
  readonly address = ptr(this.#bytes);
  readonly room = READ_BYTES_MAX;
  /** For tests: what was lent is overwritten at once, so that nobody can keep it unseen. */
  spoils = false;

  /** By length: messages are short, and a view for each of them would be most of their garbage. */
  readonly #views: (Buffer | undefined)[] = [];

  /** The `bytes` that were read last, until the next are. */
  lend(bytes: number): Buffer {
    if (bytes > KEPT_VIEW_BYTES_MAX) return this.#bytes.subarray(0, bytes);
    this.#views[bytes] ??= this.#bytes.subarray(0, bytes);
    return this.#views[bytes];
  }

  /** The same for good. In memory of its own: a piece of a shared one would keep all of that from being freed. */
  copy(bytes: number): Buffer {
    const copy = Buffer.allocUnsafe(bytes);
    this.#bytes.copy(copy, 0, 0, bytes);
    return copy;
  }

  reclaim(bytes: number): void {
    if (this.spoils) this.#bytes.fill(0xdb, 0, bytes);
  }
}
