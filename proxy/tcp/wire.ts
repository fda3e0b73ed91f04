/**
 * One TCP connection, client's or upstream's: ordered writes with back-pressure, half-close, reset.
 * Whoever is responsible for it at the moment is its `owner`; a connection changes hands when its protocol is known.
 */
import { CLOSE_LINGER_MS_MAX } from "../../core/limits.ts";

export interface WireOwner {
  /**
   * The bytes that `data` gets are used again after the call, so what is kept of them is copied. Spares memory of its own
   * for each read, which large bodies would fill and throw away.
   */
  readonly borrows?: boolean;
  readonly data: (wire: Wire, bytes: Buffer) => void;
  /** The peer will send no more; it may still read. */
  readonly end: (wire: Wire) => void;
  /** Everything written has been taken: a paused source may go on. */
  readonly drain: (wire: Wire) => void;
  /** The connection is gone. `error` where it was broken, not ended. */
  readonly close: (wire: Wire, error: Error | undefined) => void;
}

/** What a wire needs of its socket: one of ours, or a TLS connection made to look like one. */
export interface WireSocket {
  /** How many of the bytes were taken, which are not held any longer than the call; negative once it is closed. */
  readonly write: (bytes: Buffer) => number;
  /** Half-closes. */
  readonly shutdown: () => void;
  /** Closes both directions once what was taken is sent. */
  readonly end: () => void;
  readonly terminate: () => void;
  readonly pause: () => void;
  readonly resume: () => void;
}

export class Wire {
  owner: WireOwner;
  readonly #socket: WireSocket;
  #queue: Buffer[] = [];
  #paused = false;
  #ending = false;
  #shut = false;
  #closeAfterEnd = false;
  #closed = false;

  constructor(socket: WireSocket, owner: WireOwner) {
    this.#socket = socket;
    this.owner = owner;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes wait for the peer to read. */
  get backlogged(): boolean {
    return this.#queue.length > 0;
  }

  /**
   * False when bytes had to be kept: the caller pauses its source until `drain`. Bytes are kept by reference.
   * Writing to a closed connection does nothing; its owner has been told or will be.
   */
  write(bytes: Buffer): boolean {
    if (this.#closed || this.#ending) return true;
    if (bytes.length === 0) return true;
    if (this.#queue.length > 0) {
      this.#queue.push(bytes);
      return false;
    }
    const taken = this.#socket.write(bytes);
    if (taken < 0 || taken >= bytes.length) return true;
    this.#queue.push(bytes.subarray(taken));
    return false;
  }

  /** As `write`, but what has to be kept is copied: the caller goes on to use its buffer. */
  writeBorrowed(bytes: Buffer): boolean {
    const queued = this.#queue.length;
    const taken = this.write(bytes);
    const last = this.#queue.at(-1);
    if (this.#queue.length > queued && last !== undefined) this.#queue[queued] = Buffer.from(last);
    return taken;
  }

  /** Half-closes once everything is written. */
  end(): void {
    if (this.#ending || this.#closed) return;
    this.#ending = true;
    if (this.#queue.length === 0) this.#shutDown();
  }

  /** Closes both directions once everything is written. */
  close(): void {
    this.#closeAfterEnd = true;
    if (this.#shut) this.#socket.end();
    else this.end();
  }

  /** Breaks the connection: the peer sees a reset. */
  reset(): void {
    if (!this.#closed) this.#socket.terminate();
  }

  pause(): void {
    if (this.#paused || this.#closed) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused || this.#closed) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** For the socket only. */
  flush(): void {
    while (this.#queue.length > 0) {
      const first = this.#queue[0];
      if (first === undefined) break;
      const taken = this.#socket.write(first);
      if (taken < 0) return;
      if (taken < first.length) {
        this.#queue[0] = first.subarray(taken);
        return;
      }
      this.#queue.shift();
    }
    if (this.#ending) this.#shutDown();
    else this.owner.drain(this);
  }

  /** For the socket only. */
  gone(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.owner.close(this, error);
  }

  #shutDown(): void {
    if (this.#shut) return;
    this.#shut = true;
    if (this.#closeAfterEnd) this.#socket.end();
    else this.#socket.shutdown();
  }
}

/** Owner of a connection that is only waited for to close: what still arrives is thrown away. */
export const DISCARD: WireOwner = {
  data: () => {},
  end: (wire) => wire.close(),
  drain: () => {},
  close: () => {},
};

/** Ends our side, then reads on for a while: closing with unread bytes would reset the connection under the answer. */
export function closeSoon(wire: Wire): void {
  const timer = setTimeout(() => wire.close(), CLOSE_LINGER_MS_MAX);
  const { data, end, drain } = DISCARD;
  wire.owner = { borrows: true, data, end, drain, close: () => clearTimeout(timer) };
  wire.end();
  wire.resume();
}
