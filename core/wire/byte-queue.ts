/**
 * What a carrier received and its reader has not taken yet. The carrier pushes and watches `size` for back-pressure;
 * one reader pulls. An end or a failure is seen after the bytes before it.
 */
export class ByteQueue {
  readonly #chunks: Uint8Array[] = [];
  readonly #onTaken: (bytes: number) => void;
  #size = 0;
  #outcome: Outcome | undefined;
  #reader: PromiseWithResolvers<Uint8Array | undefined> | undefined;

  /** @param onTaken told how many bytes the reader took, each time it takes some */
  constructor(onTaken: (bytes: number) => void = () => {}) {
    this.#onTaken = onTaken;
  }

  /** Bytes pushed and not yet taken. */
  get size(): number {
    return this.#size;
  }

  /** Whether the end or a failure was reported. */
  get settled(): boolean {
    return this.#outcome !== undefined;
  }

  /** Ignored after the end or a failure. */
  push(bytes: Uint8Array): void {
    if (this.#outcome !== undefined || bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    this.#serve();
  }

  end(): void {
    this.#settle({});
  }

  /** Reads reject with `error` once the bytes before it are taken. */
  fail(error: Error): void {
    this.#settle({ error });
  }

  /** Throws away what was not taken; reads reject with `error` at once. */
  discard(error: Error): void {
    this.#chunks.length = 0;
    this.#size = 0;
    this.#outcome = { error };
    this.#serve();
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#reader !== undefined) return Promise.reject(new Error("A stream has one reader at a time"));
    this.#reader = Promise.withResolvers();
    const { promise } = this.#reader;
    this.#serve();
    return promise;
  }

  #settle(outcome: Outcome): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#serve();
  }

  #serve(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    const chunk = this.#chunks.shift();
    if (chunk === undefined && this.#outcome === undefined) return;
    this.#reader = undefined;
    if (chunk !== undefined) {
      this.#size -= chunk.length;
      reader.resolve(chunk);
      this.#onTaken(chunk.length);
    } else if (this.#outcome?.error !== undefined) {
      reader.reject(this.#outcome.error);
    } else {
      reader.resolve(undefined);
    }
  }
}

interface Outcome {
  /** Absent after an orderly end. */
  readonly error?: Error;
}
