/** Messages without waiting for each: small ones travel together, and only so many bytes wait for the stream. */
import { SYNC_BURST_BYTES_MAX } from "../limits.ts";
import { concatenate } from "../wire/byte-reader.ts";
import type { ByteStream } from "../wire/byte-stream.ts";
import { encodeMessage } from "../wire/messages.ts";

/** Bytes that make a write of their own. */
const WRITE_BYTES = 256 * 1024;

export class Burst {
  readonly #stream: ByteStream;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Bytes that the stream has not taken. */
  #untaken = 0;
  #failure: { readonly error: unknown } | undefined;
  #taken = Promise.withResolvers<void>();

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Resolves when more may be sent; rejects when the stream is broken. */
  async send(head: unknown, body?: Uint8Array): Promise<void> {
    const message = encodeMessage(head, body);
    this.#waiting.push(message);
    this.#waitingBytes += message.length;
    if (this.#waitingBytes >= WRITE_BYTES) this.#write();
    await this.#until(SYNC_BURST_BYTES_MAX);
  }

  /** Resolves when the stream has taken all. */
  async flush(): Promise<void> {
    if (this.#waitingBytes > 0) this.#write();
    await this.#until(0);
  }

  #write(): void {
    const bytes = concatenate(this.#waiting);
    [this.#waiting, this.#waitingBytes] = [[], 0];
    this.#untaken += bytes.length;
    const settle = (): void => {
      this.#untaken -= bytes.length;
      this.#taken.resolve();
      this.#taken = Promise.withResolvers();
    };
    this.#stream.write(bytes).then(settle, (error: unknown) => {
      this.#failure ??= { error };
      settle();
    });
  }

  async #until(untaken: number): Promise<void> {
    while (this.#untaken > untaken && this.#failure === undefined) await this.#taken.promise;
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
