/**
 * Many streams over one carrier. A port-forward has no half-close and hides a cut for a minute; here each stream has
 * its own window, end and error, and a heartbeat finds a dead carrier.
 */
import { AzdsError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { systemClock } from "../host/clock.ts";
import { HEARTBEAT_MS, HEARTBEAT_MS_MAX, MUX_FRAME_BYTES_MAX, MUX_NAME_BYTES_MAX, MUX_STREAMS_MAX } from "../limits.ts";
import type { ByteStream } from "./byte-stream.ts";
import { FRAME, FRAME_HEADER_BYTES, type Frame, FrameDecoder, encodeFrames, frame } from "./frame.ts";
import { MuxStream, type MuxStreamHost } from "./mux-stream.ts";
import { decodeReason, encodeReason } from "./reason.ts";

export interface Mux {
  /** A stream that cannot be opened (connection closed, too many streams) comes back broken. */
  readonly open: (name: string) => ByteStream;
  /** Breaks the streams that are still open and ends the carrier; bytes that were written out before arrive. */
  readonly close: () => Promise<void>;
  /** Settles when the connection is over: `undefined` after an orderly close by either side. Never rejects. */
  readonly closed: Promise<Error | undefined>;
}

export interface MuxOptions {
  readonly role: "client" | "server";
  /** Takes the streams that the peer opens; without it they are refused. */
  readonly accept?: (name: string, stream: ByteStream) => void;
  readonly clock?: Clock;
}

export function createMux(carrier: ByteStream, options: MuxOptions): Mux {
  const connection = new Connection(carrier, options);
  connection.start();
  return {
    open: (name) => connection.open(name),
    close: () => connection.close(),
    closed: connection.closed,
  };
}

/** Silent ticks of the heartbeat that make a carrier dead; ticks, not time, so that a busy process counts one. */
const SILENT_TICKS_MAX = HEARTBEAT_MS_MAX / HEARTBEAT_MS;
/** Each side may have as many streams of its own refused or aborted at once while the carrier stands still. */
const RESETS_WAITING_MAX = 2 * MUX_STREAMS_MAX;

class Connection {
  readonly closed: Promise<Error | undefined>;
  readonly #carrier: ByteStream;
  readonly #options: MuxOptions;
  readonly #streams = new Map<number, MuxStream>();
  /** Streams that may have a frame to send; each gives one and queues again, so that none starves another. */
  readonly #ready = new Set<MuxStream>();
  readonly #resets = new Map<number, Uint8Array>();
  readonly #host: MuxStreamHost = {
    ready: (stream) => this.#markReady(stream),
    over: (stream, reset) => this.#dropStream(stream, reset),
  };
  readonly #over = Promise.withResolvers<Error | undefined>();
  readonly #stop = new AbortController();
  #state: "open" | "closing" | "closed" = "open";
  #nextId: number;
  #peerLastId = 0;
  #pingDue = false;
  #pongDue = false;
  #silentTicks = 0;
  #wake = Promise.withResolvers<void>();

  constructor(carrier: ByteStream, options: MuxOptions) {
    this.#carrier = carrier;
    this.#options = options;
    this.#nextId = options.role === "client" ? 1 : 2;
    this.closed = this.#over.promise;
  }

  start(): void {
    const fail = (error: unknown): void => this.#finish(this.#state === "open" ? asConnectionError(error) : undefined);
    this.#receive().catch(fail);
    this.#send().catch(fail);
    this.#beat().catch(fail);
  }

  open(name: string): ByteStream {
    const id = this.#nextId;
    const bytes = new TextEncoder().encode(name);
    const stream = new MuxStream(id, this.#host, bytes);
    const refusal = this.#refusal(bytes);
    if (refusal !== undefined) {
      stream.break(refusal);
      return stream.stream;
    }
    this.#nextId += 2;
    this.#streams.set(id, stream);
    this.#markReady(stream);
    return stream.stream;
  }

  async close(): Promise<void> {
    this.#leave();
    await this.closed;
  }

  /** Either side has said farewell: ours is sent, then the carrier ends. A peer that does not end its side must not hold us. */
  #leave(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#breakStreams(closedError());
    this.#wake.resolve();
    void this.#sleep(HEARTBEAT_MS_MAX).then(() => this.#finish());
  }

  #refusal(name: Uint8Array): Error | undefined {
    if (this.#state !== "open") return closedError();
    if (name.length > MUX_NAME_BYTES_MAX) return new AzdsError("PROTOCOL", "The name of a stream is too long");
    if (this.#countParity(this.#nextId) >= MUX_STREAMS_MAX) {
      return new AzdsError("CONNECTION_LOST", `More than ${MUX_STREAMS_MAX} streams are open on one connection`);
    }
    return undefined;
  }

  #countParity(id: number): number {
    let count = 0;
    for (const open of this.#streams.keys()) if (open % 2 === id % 2) count += 1;
    return count;
  }

  #markReady(stream: MuxStream): void {
    this.#ready.add(stream);
    this.#wake.resolve();
  }

  #dropStream(stream: MuxStream, reset?: { readonly reason: Error | undefined }): void {
    if (this.#streams.get(stream.id) !== stream) return;
    this.#streams.delete(stream.id);
    this.#ready.delete(stream);
    if (reset !== undefined && stream.announced) this.#reset(stream.id, reset.reason);
  }

  #reset(id: number, reason: Error | undefined): void {
    this.#resets.set(id, encodeReason(reason));
    this.#wake.resolve();
    if (this.#resets.size > RESETS_WAITING_MAX) {
      this.#finish(new AzdsError("PROTOCOL", "The peer opens streams and does not read the answers"));
    }
  }

  async #receive(): Promise<void> {
    const decoder = new FrameDecoder();
    for (;;) {
      const bytes = await this.#carrier.read();
      if (bytes === undefined) return this.#finish(this.#state === "open" ? lostError() : undefined);
      this.#silentTicks = 0;
      for (const received of decoder.decode(bytes)) this.#dispatch(received);
    }
  }

  #dispatch(received: Frame): void {
    if (this.#state !== "open") {
      // Both have said farewell. A carrier may take a second to pass its end on, and nothing else can come.
      if (received.type === FRAME.close) this.#finish();
      return;
    }
    switch (received.type) {
      case FRAME.ping:
        this.#pongDue = true;
        return this.#wake.resolve();
      case FRAME.pong:
        return;
      case FRAME.close:
        return this.#leave();
      case FRAME.open:
        return this.#accept(received);
      case FRAME.data:
      case FRAME.fin:
      case FRAME.credit:
        return this.#known(received.stream)?.receive(received);
      case FRAME.reset: {
        const stream = this.#known(received.stream);
        if (stream === undefined) return;
        this.#dropStream(stream);
        return stream.break(decodeReason(received.payload));
      }
    }
  }

  /** `undefined` for a stream that is over: its last frames may still have been on their way. */
  #known(id: number): MuxStream | undefined {
    const own = id % 2 === this.#nextId % 2;
    if (id === 0 || (own ? id >= this.#nextId : id > this.#peerLastId)) {
      throw new AzdsError("PROTOCOL", "The peer used a stream that was never opened");
    }
    return this.#streams.get(id);
  }

  #accept(received: Frame): void {
    const id = received.stream;
    if (id % 2 === this.#nextId % 2 || id <= this.#peerLastId || received.payload.length > MUX_NAME_BYTES_MAX) {
      throw new AzdsError("PROTOCOL", "The peer opened a stream that it may not open");
    }
    if (this.#countParity(id) >= MUX_STREAMS_MAX) throw new AzdsError("PROTOCOL", "The peer opened too many streams");
    this.#peerLastId = id;
    const { accept } = this.#options;
    const name = new TextDecoder().decode(received.payload);
    if (accept === undefined) return this.#reset(id, new AzdsError("PROTOCOL", `Nothing takes a stream \`${name}\``));
    const stream = new MuxStream(id, this.#host);
    this.#streams.set(id, stream);
    accept(name, stream.stream);
  }

  async #send(): Promise<void> {
    while (this.#state === "open") {
      this.#wake = Promise.withResolvers();
      const frames = this.#nextFrames();
      await (frames.length > 0 ? this.#carrier.write(encodeFrames(frames)) : this.#wake.promise);
    }
    if (this.#state === "closed") return;
    await this.#carrier.write(encodeFrames([frame(FRAME.close, 0)]));
    await this.#carrier.end();
  }

  /** The next frames in fair order, about one full frame's worth of bytes. */
  #nextFrames(): readonly Frame[] {
    const frames: Frame[] = [];
    if (this.#pongDue) frames.push(frame(FRAME.pong, 0));
    if (this.#pingDue) frames.push(frame(FRAME.ping, 0));
    this.#pongDue = false;
    this.#pingDue = false;
    for (const [id, reason] of this.#resets) frames.push(frame(FRAME.reset, id, reason));
    this.#resets.clear();
    let bytes = 0;
    for (const stream of this.#ready) {
      if (bytes >= MUX_FRAME_BYTES_MAX) break;
      this.#ready.delete(stream);
      const next = stream.nextFrame();
      if (next === undefined) continue;
      frames.push(next);
      bytes += next.payload.length + FRAME_HEADER_BYTES;
      if (this.#streams.has(stream.id)) this.#ready.add(stream);
    }
    return frames;
  }

  async #beat(): Promise<void> {
    while (this.#state === "open") {
      await this.#sleep(HEARTBEAT_MS);
      this.#silentTicks += 1;
      if (this.#silentTicks > SILENT_TICKS_MAX) {
        this.#finish(new AzdsError("CONNECTION_LOST", `The peer was silent for ${HEARTBEAT_MS_MAX / 1000} s`));
      }
      this.#pingDue = true;
      this.#wake.resolve();
    }
  }

  /** Returns early when the connection is over. */
  async #sleep(ms: number): Promise<void> {
    const { clock = systemClock } = this.#options;
    await clock.sleep(ms, this.#stop.signal).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error;
    });
  }

  #breakStreams(error: Error): void {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    this.#ready.clear();
    for (const stream of streams) stream.break(error);
  }

  #finish(error?: Error): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#breakStreams(error ?? closedError());
    this.#stop.abort();
    this.#wake.resolve();
    this.#carrier.abort(error);
    this.#over.resolve(error);
  }
}

function closedError(): AzdsError {
  return new AzdsError("CONNECTION_LOST", "The connection was closed");
}

function lostError(): AzdsError {
  return new AzdsError("CONNECTION_LOST", "The connection ended without a farewell");
}

function asConnectionError(error: unknown): Error {
  if (error instanceof AzdsError) return error;
  return new AzdsError("CONNECTION_LOST", "The connection broke", { cause: error });
}
