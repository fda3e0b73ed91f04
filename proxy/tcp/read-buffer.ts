/** Memory that connections read into. */
import { ptr } from "bun:ffi";
import { READ_BYTES_MAX, SLAB_BYTES, SLAB_READ_BYTES_MIN } from "../../core/limits.ts";

export interface ReadBuffer {
  /** Where the next bytes are to be put, and how many fit: valid for one read. */
  readonly address: number;
  readonly room: number;
  /** The `bytes` that were put there. */
  readonly take: (bytes: number) => Buffer;
}

/** One place for all: what was read is gone with the next read. */
export class LentBuffer implements ReadBuffer {
  readonly #bytes = Buffer.allocUnsafeSlow(READ_BYTES_MAX);
  readonly address = ptr(this.#bytes);
  readonly room = READ_BYTES_MAX;
  /** For tests: what was lent is overwritten at once, so that nobody can keep it unseen. */
  spoils = false;

  take(bytes: number): Buffer {
    return this.#bytes.subarray(0, bytes);
  }

  reclaim(bytes: number): void {
    if (this.spoils) this.#bytes.fill(0xdb, 0, bytes);
  }
}

/** One piece behind the other: what was read stays as it is for as long as anybody holds it. */
export class KeptBuffer implements ReadBuffer {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #base = ptr(this.#slab);
  #at = 0;

  get address(): number {
    if (SLAB_BYTES - this.#at < SLAB_READ_BYTES_MIN) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#base = ptr(this.#slab);
      this.#at = 0;
    }
    return this.#base + this.#at;
  }

  get room(): number {
    return SLAB_BYTES - this.#at;
  }

  take(bytes: number): Buffer {
    const from = this.#at;
    this.#at += bytes;
    return this.#slab.subarray(from, this.#at);
  }
}
