import type { Socket } from "node:net";
import { AzdsError } from "../errors.ts";
import { SOCKET_BACKLOG_BYTES_MAX } from "../limits.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { ByteStream } from "./byte-stream.ts";

/**
 * A connected `node:net` or `node:tls` socket as a stream. From here on nobody else may use the socket; it has to be
 * handed over in the event that gave it, or bytes are lost. Written bytes must not be changed afterwards.
 */
export function streamOfSocket(socket: Socket): ByteStream {
  return new SocketStream(socket).stream;
}

class SocketStream {
  readonly stream: ByteStream = {
    write: (bytes) => this.#write(bytes),
    end: () => this.#end(),
    read: () => this.#incoming.read(),
    abort: (reason) => this.#abort(reason),
  };

  readonly #socket: Socket;
  readonly #incoming = new ByteQueue(() => this.#taken());
  /** What a writer waits for: room in the socket's buffer, or that all of it is sent. */
  #room: PromiseWithResolvers<void> | undefined;
  #flushed: PromiseWithResolvers<void> | undefined;
  #broken: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    // Else node answers the peer's end with our own.
    socket.allowHalfOpen = true;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.#received(bytes));
    socket.on("end", () => this.#incoming.end());
    socket.on("drain", () => this.#drained());
    socket.on("finish", () => this.#flushed?.resolve());
    socket.on("error", (cause) => this.#fail(new AzdsError("CONNECTION_LOST", "The connection broke", { cause })));
    // Changes nothing for what has ended before.
    socket.on("close", () => this.#fail(new AzdsError("CONNECTION_LOST", "The connection was closed")));
    if (socket.destroyed) this.#fail(new AzdsError("CONNECTION_LOST", "The connection was closed"));
  }

  #received(bytes: Buffer): void {
    this.#incoming.push(bytes);
    if (this.#incoming.size >= SOCKET_BACKLOG_BYTES_MAX) this.#socket.pause();
  }

  #taken(): void {
    if (this.#incoming.size < SOCKET_BACKLOG_BYTES_MAX && this.#socket.isPaused()) this.#socket.resume();
  }

  #drained(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#socket.writableEnded) throw new Error("A stream takes no bytes after its end");
    if (this.#socket.write(bytes)) return;
    this.#room ??= Promise.withResolvers();
    await this.#room.promise;
  }

  async #end(): Promise<void> {
    if (this.#broken !== undefined && !this.#socket.writableFinished) throw this.#broken;
    if (this.#flushed === undefined) {
      this.#flushed = Promise.withResolvers();
      this.#socket.end();
    }
    await this.#flushed.promise;
  }

  #abort(reason: Error | undefined): void {
    const error = reason ?? new AzdsError("CONNECTION_LOST", "The connection was broken off");
    this.#incoming.discard(error);
    this.#fail(error);
    // With an error the peer has to see a reset; an end would look like success (RFC 9293 §3.10.7.4).
    if (reason === undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  #fail(error: Error): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#incoming.fail(error);
    this.#room?.reject(error);
    if (!this.#socket.writableFinished) this.#flushed?.reject(error);
  }
}
