/** One stream of a multiplexed connection: its window both ways, its ends, and the frames it has to send. */
import { AzdsError } from "../errors.ts";
import { MUX_FRAME_BYTES_MAX, MUX_WINDOW_BYTES } from "../limits.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { ByteStream } from "./byte-stream.ts";
import { FRAME, type Frame, frame } from "./frame.ts";

/** What a stream asks of its connection. */
export interface MuxStreamHost {
  /** The stream has a frame to send. */
  readonly ready: (stream: MuxStream) => void;
  /** The stream is over; with `reset` the peer has to be told. */
  readonly over: (stream: MuxStream, reset?: { readonly reason: Error | undefined }) => void;
}

/** Credit goes back in portions, so that small reads do not cost a frame each. */
const CREDIT_PORTION_BYTES = MUX_WINDOW_BYTES / 4;

interface Outgoing {
  readonly bytes: Uint8Array;
  readonly sent: PromiseWithResolvers<void>;
}

export class MuxStream {
  readonly id: number;
  readonly #host: MuxStreamHost;
  readonly #incoming: ByteQueue;
  readonly #outgoing: Outgoing[] = [];
  readonly #finSent = Promise.withResolvers<void>();
  /** Set until the frame that opens the stream is sent; only on the side that opens it. */
  #opening: Uint8Array | undefined;
  /** Bytes we may still send. */
  #credit = MUX_WINDOW_BYTES;
  /** Bytes the peer may still send. */
  #allowance = MUX_WINDOW_BYTES;
  /** Bytes the reader took and the peer has not been told of. */
  #owed = 0;
  #local: "open" | "ending" | "ended" = "open";
  #peerEnded = false;
  #broken: Error | undefined;

  /** @param opening name in UTF-8, on the side that opens the stream */
  constructor(id: number, host: MuxStreamHost, opening?: Uint8Array) {
    this.id = id;
    this.#host = host;
    this.#opening = opening;
    this.#incoming = new ByteQueue((bytes) => this.#taken(bytes));
    // A stream that breaks after `end` was called need not have anybody waiting for the end.
    this.#finSent.promise.catch(() => {});
  }

  readonly stream: ByteStream = {
    write: (bytes) => this.#write(bytes),
    end: () => this.#end(),
    read: () => this.#incoming.read(),
    abort: (reason) => this.#abort(reason),
  };

  /** Whether the peer knows of the stream. */
  get announced(): boolean {
    return this.#opening === undefined;
  }

  /** The next frame to send; `undefined` when there is none or it must wait for credit. */
  nextFrame(): Frame | undefined {
    if (this.#broken !== undefined) return undefined;
    if (this.#opening !== undefined) {
      const name = this.#opening;
      this.#opening = undefined;
      return frame(FRAME.open, this.id, name);
    }
    if (this.#owed >= CREDIT_PORTION_BYTES) return this.#creditFrame();
    return this.#dataFrame() ?? this.#finFrame();
  }

  /** @throws AzdsError PROTOCOL when the peer breaks the rules of a stream */
  receive(received: Frame): void {
    switch (received.type) {
      case FRAME.data:
        return this.#receiveData(received.payload);
      case FRAME.fin:
        return this.#receiveFin();
      case FRAME.credit:
        return this.#receiveCredit(received.payload);
      case FRAME.open:
      case FRAME.reset:
      case FRAME.ping:
      case FRAME.pong:
      case FRAME.close:
        throw new AzdsError("PROTOCOL", "The peer sent a frame that a stream cannot take");
    }
  }

  /** Breaks the stream without telling the peer, which knows or is gone. What was received can still be read. */
  break(error: Error): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#incoming.fail(error);
    this.#rejectWriters(error);
  }

  #write(bytes: Uint8Array): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    if (this.#local !== "open") return Promise.reject(new Error("A stream takes no bytes after its end"));
    if (bytes.length === 0) return Promise.resolve();
    const sent = Promise.withResolvers<void>();
    this.#outgoing.push({ bytes, sent });
    this.#host.ready(this);
    return sent.promise;
  }

  #end(): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    if (this.#local === "open") {
      this.#local = "ending";
      this.#host.ready(this);
    }
    return this.#finSent.promise;
  }

  #abort(reason: Error | undefined): void {
    if (this.#broken !== undefined) return;
    const error = reason ?? new AzdsError("CONNECTION_LOST", "The stream was broken off");
    this.#broken = error;
    this.#incoming.discard(error);
    this.#rejectWriters(error);
    this.#host.over(this, { reason });
  }

  #rejectWriters(error: Error): void {
    for (const { sent } of this.#outgoing.splice(0)) sent.reject(error);
    this.#finSent.reject(error);
  }

  #taken(bytes: number): void {
    if (this.#peerEnded || this.#broken !== undefined) return;
    this.#owed += bytes;
    if (this.#owed >= CREDIT_PORTION_BYTES) this.#host.ready(this);
  }

  #creditFrame(): Frame {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, this.#owed);
    this.#allowance += this.#owed;
    this.#owed = 0;
    return frame(FRAME.credit, this.id, payload);
  }

  #dataFrame(): Frame | undefined {
    const first = this.#outgoing[0];
    if (first === undefined || this.#credit === 0) return undefined;
    const size = Math.min(first.bytes.length, this.#credit, MUX_FRAME_BYTES_MAX);
    this.#credit -= size;
    if (size === first.bytes.length) {
      this.#outgoing.shift();
      first.sent.resolve();
    } else {
      this.#outgoing[0] = { bytes: first.bytes.subarray(size), sent: first.sent };
    }
    return frame(FRAME.data, this.id, first.bytes.subarray(0, size));
  }

  #finFrame(): Frame | undefined {
    if (this.#local !== "ending" || this.#outgoing.length > 0) return undefined;
    this.#local = "ended";
    this.#finSent.resolve();
    if (this.#peerEnded) this.#host.over(this);
    return frame(FRAME.fin, this.id);
  }

  #receiveData(bytes: Uint8Array): void {
    this.#allowance -= bytes.length;
    if (this.#peerEnded || bytes.length === 0 || this.#allowance < 0) {
      throw new AzdsError("PROTOCOL", "The peer sent bytes that a stream may not carry");
    }
    this.#incoming.push(bytes);
  }

  #receiveFin(): void {
    if (this.#peerEnded) throw new AzdsError("PROTOCOL", "The peer ended a stream twice");
    this.#peerEnded = true;
    this.#incoming.end();
    if (this.#local === "ended") this.#host.over(this);
  }

  #receiveCredit(payload: Uint8Array): void {
    const credit = payload.length === 4 ? new DataView(payload.buffer, payload.byteOffset).getUint32(0) : 0;
    if (credit === 0 || this.#credit + credit > MUX_WINDOW_BYTES) {
      throw new AzdsError("PROTOCOL", "The peer gave credit that was not owed");
    }
    this.#credit += credit;
    this.#host.ready(this);
  }
}
