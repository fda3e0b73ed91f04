import { AzdsError } from "../../core/errors.ts";
import { ByteQueue } from "../../core/wire/byte-queue.ts";
import type { ByteStream } from "../../core/wire/byte-stream.ts";

/** A write waits while the peer has this many bytes to read. */
const BACKLOG_BYTES_MAX = 64 * 1024;

/** Two connected streams with back-pressure and half-close. */
export function memoryPair(): readonly [ByteStream, ByteStream] {
  const forth = new Direction();
  const back = new Direction();
  return [streamOf(back, forth), streamOf(forth, back)];
}

class Direction {
  readonly queue = new ByteQueue(() => this.#drained());
  ended = false;
  broken: Error | undefined;
  #room: PromiseWithResolvers<void> | undefined;

  async write(bytes: Uint8Array): Promise<void> {
    if (this.broken !== undefined) throw this.broken;
    if (this.ended) throw new Error("A stream takes no bytes after its end");
    this.queue.push(bytes.slice());
    if (this.queue.size <= BACKLOG_BYTES_MAX) return;
    this.#room ??= Promise.withResolvers();
    await this.#room.promise;
  }

  breakWriter(error: Error): void {
    this.broken ??= error;
    this.#room?.reject(error);
  }

  #drained(): void {
    if (this.queue.size > BACKLOG_BYTES_MAX) return;
    this.#room?.resolve();
    this.#room = undefined;
  }
}

function streamOf(incoming: Direction, outgoing: Direction): ByteStream {
  return {
    write: (bytes) => outgoing.write(bytes),
    end: () => {
      if (outgoing.broken !== undefined) return Promise.reject(outgoing.broken);
      outgoing.ended = true;
      outgoing.queue.end();
      return Promise.resolve();
    },
    read: () => incoming.queue.read(),
    abort: (reason) => {
      const mine = reason ?? new AzdsError("CONNECTION_LOST", "The stream was broken off");
      const theirs = new AzdsError("CONNECTION_LOST", "The peer broke the stream");
      incoming.queue.discard(mine);
      incoming.breakWriter(theirs);
      outgoing.queue.fail(theirs);
      outgoing.breakWriter(mine);
    },
  };
}
