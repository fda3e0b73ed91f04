/** Where all connections read, one behind the other: what was read is gone with the next read. */
import { ptr } from "bun:ffi";
import { READ_BYTES_MAX } from "../../core/limits.ts";
import { LentMemory } from "./lent-memory.ts";

export class ReadBuffer {
  readonly #memory = new LentMemory(READ_BYTES_MAX);
  readonly address = ptr(this.#memory.bytes);
  readonly room = READ_BYTES_MAX;
  /** For tests: what was lent is overwritten at once, so that nobody can keep it unseen. */
  spoils = false;

  /** The `bytes` that were read last, until the next are. */
  lend(bytes: number): Buffer {
    return this.#memory.lend(bytes);
  }

  /** The same for good. In memory of its own: a piece of a shared one would keep all of that from being freed. */
  copy(bytes: number): Buffer {
    const copy = Buffer.allocUnsafe(bytes);
    this.#memory.bytes.copy(copy, 0, 0, bytes);
    return copy;
  }

  reclaim(bytes: number): void {
    if (this.spoils) this.#memory.bytes.fill(0xdb, 0, bytes);
  }
}
