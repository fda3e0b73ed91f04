/**
 * A forwarded connection that outlasts a restart of the application: while nobody listens, the dial is refused, and as
 * nothing that was written has reached anybody then, it is dialled and written again.
 */
import { AzdsError } from "../../../core/errors.ts";
import type { ByteStream } from "../../../core/wire/byte-stream.ts";
import { REDIAL_BYTES_MAX, REDIAL_MS, REDIAL_MS_MAX } from "../../../core/limits.ts";

/**
 * The first connection of `dial`, or a later one in its place as long as none has said a byte, REDIAL_MS_MAX at most.
 * Whoever writes more than REDIAL_BYTES_MAX before the first answer has only one try.
 */
export async function redialing(dial: () => Promise<ByteStream>, signal: AbortSignal): Promise<ByteStream> {
  const connection = new Redialing(dial, signal, await dial());
  return connection.stream;
}

class Redialing {
  readonly stream: ByteStream = {
    read: () => this.#read(),
    write: (bytes) => this.#write(bytes),
    end: () => {
      this.#ended = true;
      return this.#current.end();
    },
    abort: (reason) => {
      this.#giveUp(reason ?? new AzdsError("CONNECTION_LOST", "The connection was broken off"));
      this.#current.abort(reason);
    },
  };
  readonly #dial: () => Promise<ByteStream>;
  readonly #signal: AbortSignal;
  readonly #deadline = performance.now() + REDIAL_MS_MAX;
  #current: ByteStream;
  /** What was written so far; `undefined` once it counts no more: an answer came, it is too much, or all is over. */
  #written: Uint8Array[] | undefined = [];
  #writtenBytes = 0;
  #ended = false;
  /** Where writers wait whose connection was refused: until all is written to the next one, or there is none. */
  #next = nobodyWaits();

  constructor(dial: () => Promise<ByteStream>, signal: AbortSignal, first: ByteStream) {
    this.#dial = dial;
    this.#signal = signal;
    this.#current = first;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#remember(bytes);
    try {
      await this.#current.write(bytes);
    } catch (error) {
      if (this.#written === undefined) throw error;
      await this.#next.promise;
    }
  }

  #remember(bytes: Uint8Array): void {
    this.#writtenBytes += bytes.length;
    if (this.#writtenBytes > REDIAL_BYTES_MAX) this.#written = undefined;
    else this.#written?.push(bytes.slice());
  }

  async #read(): Promise<Uint8Array | undefined> {
    for (;;) {
      try {
        const bytes = await this.#current.read();
        this.#written = undefined;
        return bytes;
      } catch (error) {
        const mayRedial = this.#written !== undefined && isRefused(error) && performance.now() < this.#deadline;
        if (!mayRedial || this.#signal.aborted) {
          this.#giveUp(error);
          throw error;
        }
        await this.#redial();
      }
    }
  }

  async #redial(): Promise<void> {
    await Bun.sleep(REDIAL_MS);
    try {
      this.#current = await this.#dial();
      for (const bytes of this.#written ?? []) await this.#current.write(bytes);
      if (this.#ended) await this.#current.end();
    } catch (error) {
      // Refused again, which the next read tells; or there is nothing to dial.
      if (!isRefused(error)) this.#giveUp(error);
    }
    this.#next.resolve();
    this.#next = nobodyWaits();
  }

  #giveUp(error: unknown): void {
    this.#written = undefined;
    this.#next.reject(error);
  }
}

function nobodyWaits(): PromiseWithResolvers<void> {
  const waiting = Promise.withResolvers<void>();
  waiting.promise.catch(() => undefined);
  return waiting;
}

/** The kubelet passes on what connect(2) said. */
function isRefused(error: unknown): boolean {
  return error instanceof AzdsError && error.message.includes("connection refused");
}
