/**
 * One HTTP/2 connection, a client's or an upstream's: streams, windows, settings, errors (RFC 9113 §5, §6). What is sent
 * gathers in `output` until the end of the turn.
 */
import {
  HTTP2_HELD_BYTES_MAX,
  HTTP2_IDLE_FRAMES_MAX,
  HTTP2_IDLE_FRAMES_PER_S,
  HTTP2_WAITING_FRAMES_MAX,
  HTTP2_WINDOW_BYTES,
} from "../../core/limits.ts";
import type { Wire, WireOwner } from "../tcp/wire.ts";
import { Budget } from "./budget.ts";
import { ClosedStreams } from "./closed-streams.ts";
import type { Field } from "./field.ts";
import {
  ERROR,
  FLAG,
  FRAME,
  frame,
  FRAME_BYTES_DEFAULT,
  FRAME_HEAD_BYTES,
  SETTING,
  settingsFrame,
  type Slice,
  WINDOW_DEFAULT,
  WINDOW_MAX,
  windowUpdateFrame,
  writeFrameHead,
  writeUint32,
} from "./frame.ts";
import { type DataInfo, type FrameHandler, FrameReader } from "./frame-reader.ts";
import { type Block, HpackDecoder } from "./hpack-decoder.ts";
import { HpackEncoder } from "./hpack-encoder.ts";
import { Output } from "./output.ts";
import { ReceiveWindow } from "./receive-window.ts";
import type { Stream } from "./stream.ts";

const NO_PAYLOAD = Buffer.alloc(0);
const SETTINGS_ACK = frame({ type: FRAME.settings, flags: FLAG.ack, id: 0 }, NO_PAYLOAD);
/** Idle frames earned by a frame of content and by each 512 bytes: peers measure bandwidth with PINGs. */
const EARNED_BY_DATA = 2;
const EARNED_BYTES = 512;

export abstract class Connection implements WireOwner, FrameHandler {
  readonly wire: Wire;
  readonly streams = new Map<number, Stream>();
  readonly output = new Output();
  protected readonly closedStreams = new ClosedStreams();
  /** The highest that the client of this connection has opened. */
  protected lastId = 0;
  protected peerInitialWindow = WINDOW_DEFAULT;
  readonly #reader: FrameReader;
  readonly #decoder = new HpackDecoder();
  readonly #encoder = new HpackEncoder();
  readonly #idleFrames = new Budget({ burst: HTTP2_IDLE_FRAMES_MAX, perSecond: HTTP2_IDLE_FRAMES_PER_S });
  /** Streams with something to send that may not be sent yet; the first has waited longest. */
  readonly #blocked = new Set<Stream>();
  #failed = false;
  #peerFrameBytes = FRAME_BYTES_DEFAULT;
  #sendWindow = WINDOW_DEFAULT;
  readonly #receiveWindow = new ReceiveWindow(HTTP2_WINDOW_BYTES);
  /** Bytes of this peer's that wait on other connections. */
  #held = 0;
  /** Our short frames written since the peer last took everything. */
  #waitingFrames = 0;

  protected constructor(wire: Wire, expectsPreface: boolean) {
    this.wire = wire;
    this.#reader = new FrameReader(this, expectsPreface);
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** HEADERS on a stream that is not open; the block has been decoded. */
  protected abstract opened(id: number, block: Block, end: boolean): void;
  /** The peer's settings were taken over. */
  protected abstract settled(settings: readonly (readonly [number, number])[]): void;
  /** The peer will take no streams above `lastId`. */
  abstract goAway(lastId: number, code: number): void;
  /** This side has failed the connection: GOAWAY is written. */
  protected abstract broken(code: number): void;
  /** A stream was closed. */
  protected abstract streamClosed(): void;
  /** One more stream was broken by the peer. False when these are too many. */
  protected abstract mayReset(): boolean;
  /** Sends what has gathered, here and on the connections that belong to the same client. */
  protected abstract flushAll(): void;
  abstract end(): void;
  abstract close(wire: Wire, error: Error | undefined): void;

  data(_wire: Wire, bytes: Buffer): void {
    this.#reader.read(bytes);
    this.flushAll();
  }

  drain(): void {
    this.#waitingFrames = 0;
    this.#pumpAll();
    this.flushAll();
  }

  flush(): void {
    this.output.flush(this.wire, this.streams.size > 0);
  }

  /** SETTINGS, and the window of the connection beyond the default. */
  protected greet(settings: readonly (readonly [number, number])[]): void {
    this.output.push(settingsFrame(settings));
    this.output.push(windowUpdateFrame(0, HTTP2_WINDOW_BYTES - WINDOW_DEFAULT));
  }

  protected place(stream: Stream, id: number): void {
    stream.id = id;
    stream.connection = this;
    stream.sendWindow = this.peerInitialWindow;
    this.streams.set(id, stream);
    this.#idleFrames.earn(EARNED_BY_DATA);
  }

  // What the peer sends

  dataFrame(id: number, received: Slice, { end, padding }: DataInfo): void {
    const content = received.to - received.from - FRAME_HEAD_BYTES;
    const counted = content + padding;
    if (!this.#receiveWindow.take(counted))
      return this.fail(ERROR.flowControl, "more DATA than the connection's window");
    const stream = this.streams.get(id);
    if (content > 0) this.#idleFrames.earn(EARNED_BY_DATA + content / EARNED_BYTES);
    else if (!end) this.idleFrame();
    if (stream === undefined) this.#dataOnClosed(id);
    else if (stream.remoteEnded) this.failStream(id, ERROR.streamClosed);
    else {
      const fault = stream.receive(content, { end, padding });
      if (fault !== undefined) this.failStream(id, fault);
      else {
        stream.remoteEnded = end;
        if (padding > 0) stream.sentOn(padding);
        if (!stream.deaf) stream.partner?.pass(received, end);
        if (end) this.#closeWhenEnded(stream);
      }
    }
    this.#receiveWindow.earn(counted);
    this.#creditConnection();
  }

  headerBlock(id: number, { bytes, from, to }: Slice, end: boolean): void {
    const block = this.#decoder.decode(bytes, from, to);
    if (block === undefined) return this.fail(ERROR.compression, "a header block that cannot be decoded");
    const stream = this.streams.get(id);
    if (stream === undefined) return this.opened(id, block, end);
    stream.received += to - from + FRAME_HEAD_BYTES;
    if (stream.remoteEnded) return this.failStream(id, ERROR.streamClosed);
    stream.remoteEnded = end;
    const taken = stream.deaf || stream.listener.headers(stream, block, end);
    if (!taken || (end && stream.contentFault(true) !== undefined)) return this.failStream(id, ERROR.protocol);
    if (end) this.#closeWhenEnded(stream);
  }

  resetFrame(id: number, code: number): void {
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) this.fail(ERROR.protocol, "RST_STREAM on an idle stream");
      else this.idleFrame();
      return;
    }
    if (!this.mayReset()) return this.fail(ERROR.enhanceYourCalm, "too many streams that were reset");
    this.#remove(stream, "reset-by-peer");
    stream.listener.reset(stream, code);
  }

  settings(settings: readonly (readonly [number, number])[]): void {
    this.idleFrame();
    for (const [id, value] of settings) {
      if (id === SETTING.headerTableSize) this.#encoder.limitTable(value);
      else if (id === SETTING.maxFrameSize) this.#peerFrameBytes = value;
      else if (id === SETTING.initialWindowSize) this.#changeInitialWindow(value);
    }
    this.#control(SETTINGS_ACK);
    this.settled(settings);
    this.#pumpAll();
  }

  ping(payload: Buffer): void {
    this.idleFrame();
    this.#control(frame({ type: FRAME.ping, flags: FLAG.ack, id: 0 }, payload));
  }

  windowUpdate(id: number, increment: number): void {
    this.idleFrame();
    if (id === 0) {
      this.#sendWindow += increment;
      if (increment === 0) this.fail(ERROR.protocol, "WINDOW_UPDATE of nothing");
      else if (this.#sendWindow > WINDOW_MAX) this.fail(ERROR.flowControl, "a window beyond all sizes");
      else this.#pumpAll();
      return;
    }
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) this.fail(ERROR.protocol, "WINDOW_UPDATE on an idle stream");
      return;
    }
    stream.sendWindow += increment;
    if (increment === 0) this.failStream(id, ERROR.protocol);
    else if (stream.sendWindow > WINDOW_MAX) this.failStream(id, ERROR.flowControl);
    else if (stream.waiting) this.pump(stream);
  }

  idleFrame(): void {
    if (!this.#idleFrames.spend()) this.fail(ERROR.enhanceYourCalm, "too many frames that carry nothing");
  }

  /** A stream error: the stream ends, the connection goes on (§5.4.2). */
  failStream(id: number, code: number): void {
    if (this.#failed) return;
    if (!this.mayReset()) return this.fail(ERROR.enhanceYourCalm, "too many streams that break the protocol");
    const stream = this.streams.get(id);
    if (stream === undefined) {
      this.#writeReset(id, code);
      this.closedStreams.add(id, "reset-by-us");
      return;
    }
    this.resetStream(stream, code);
    stream.listener.reset(stream, code);
  }

  /** @param reason goes to the peer as debug data */
  fail(code: number, reason: string): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#reader.stop();
    this.writeGoAway(this.lastId, code, reason);
    this.broken(code);
  }

  // What is sent to the peer

  /** Gives a stream up. Its listener knows. */
  resetStream(stream: Stream, code: number): void {
    if (stream.connection !== this || this.streams.get(stream.id) !== stream) return;
    this.#writeReset(stream.id, code);
    this.#remove(stream, "reset-by-us");
  }

  /** All was sent, and the peer need not send on. */
  protected resetEnded(stream: Stream): void {
    this.resetStream(stream, ERROR.none);
    stream.listener.closed(stream);
  }

  sendHeaders(stream: Stream, fields: readonly Field[], end: boolean): void {
    const room = FRAME_HEAD_BYTES + HpackEncoder.bytesMax(fields);
    const chunk = this.output.reserve(room);
    const at = this.output.offset;
    const from = at + FRAME_HEAD_BYTES;
    const length = this.#encoder.encode(fields, chunk, from) - from;
    const flags = end ? FLAG.endStream : 0;
    if (length <= this.#peerFrameBytes) {
      writeFrameHead(chunk, at, { length, type: FRAME.headers, flags: flags | FLAG.endHeaders, id: stream.id });
      this.output.commit(FRAME_HEAD_BYTES + length);
    } else this.#sendInPieces(Buffer.from(chunk.subarray(from, from + length)), stream.id, flags);
    if (end) this.#endLocally(stream);
  }

  mayBeSent(stream: Stream, bytes: number): boolean {
    return bytes <= this.allowance(stream);
  }

  /** Bytes of content that one frame of this stream may carry now. */
  allowance(stream: Stream): number {
    if (this.wire.backlogged) return -1;
    return Math.min(stream.sendWindow, this.#sendWindow, this.#peerFrameBytes);
  }

  /** @param received content behind room for the head */
  sendData(stream: Stream, received: Slice, end: boolean): void {
    const { bytes, from, to } = received;
    const length = to - from - FRAME_HEAD_BYTES;
    writeFrameHead(bytes, from, { length, type: FRAME.data, flags: end ? FLAG.endStream : 0, id: stream.id });
    this.output.pass(received);
    stream.tap?.(bytes.subarray(from + FRAME_HEAD_BYTES, to));
    this.#sent(stream, length, end);
  }

  sendContent(stream: Stream, content: Buffer, end: boolean): void {
    const { length } = content;
    const chunk = this.output.reserve(FRAME_HEAD_BYTES);
    const flags = end ? FLAG.endStream : 0;
    writeFrameHead(chunk, this.output.offset, { length, type: FRAME.data, flags, id: stream.id });
    this.output.commit(FRAME_HEAD_BYTES);
    if (length > 0) this.output.push(content);
    stream.tap?.(content);
    this.#sent(stream, length, end);
  }

  /** Sends as much of what waits as may be sent. */
  pump(stream: Stream): void {
    while (stream.connection === this && stream.sendNext(this));
    if (stream.waiting && this.streams.has(stream.id)) this.#blocked.add(stream);
    else this.#blocked.delete(stream);
  }

  /** Gives the peer what it has earned of a window, a stream's or, with id 0, the connection's. */
  credit(id: number, window: ReceiveWindow): void {
    const bytes = window.credit();
    if (bytes > 0) this.#control(windowUpdateFrame(id, bytes));
  }

  hold(bytes: number): void {
    this.#held += bytes;
  }

  release(bytes: number): void {
    this.#held -= bytes;
    this.#creditConnection();
  }

  protected writeGoAway(lastId: number, code: number, reason: string): void {
    const payload = Buffer.alloc(8);
    writeUint32(payload, 0, lastId);
    writeUint32(payload, 4, code);
    this.output.push(
      frame({ type: FRAME.goAway, flags: 0, id: 0 }, Buffer.concat([payload, Buffer.from(reason, "latin1")])),
    );
  }

  /** Never opened (§5.1). */
  protected isIdle(id: number): boolean {
    return id > this.lastId || id % 2 === 0;
  }

  #dataOnClosed(id: number): void {
    if (this.isIdle(id)) return this.fail(ERROR.protocol, "DATA on an idle stream");
    switch (this.closedStreams.find(id)) {
      case "ended":
      case "reset-by-peer":
        return this.fail(ERROR.streamClosed, "DATA on a closed stream");
      case "reset-by-us":
        // On its way when we reset the stream.
        return undefined;
      case undefined:
        return this.idleFrame();
    }
  }

  /** A turn, one frame each, as long as the connection's window lasts. */
  #pumpAll(): void {
    let moved = true;
    while (moved && this.#blocked.size > 0) {
      moved = false;
      for (const stream of this.#blocked) {
        if (stream.sendNext(this)) moved = true;
        if (!stream.waiting) this.#blocked.delete(stream);
      }
    }
  }

  /** All streams gain or lose the difference, and may come below nothing (§6.9.2). */
  #changeInitialWindow(value: number): void {
    const change = value - this.peerInitialWindow;
    this.peerInitialWindow = value;
    for (const stream of this.streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > WINDOW_MAX) return this.fail(ERROR.flowControl, "a window beyond all sizes");
    }
  }

  /** Not while too much of what it sent waits elsewhere. */
  #creditConnection(): void {
    if (this.#held < HTTP2_HELD_BYTES_MAX) this.credit(0, this.#receiveWindow);
  }

  #sent(stream: Stream, bytes: number, end: boolean): void {
    stream.sendWindow -= bytes;
    this.#sendWindow -= bytes;
    this.#idleFrames.earn(EARNED_BY_DATA + bytes / EARNED_BYTES);
    if (end) this.#endLocally(stream);
  }

  #endLocally(stream: Stream): void {
    stream.localEnded = true;
    if (stream.deaf && !stream.remoteEnded) this.resetEnded(stream);
    else this.#closeWhenEnded(stream);
  }

  #closeWhenEnded(stream: Stream): void {
    if (!stream.localEnded || !stream.remoteEnded || this.streams.get(stream.id) !== stream) return;
    this.#remove(stream, "ended");
    stream.listener.closed(stream);
  }

  #remove(stream: Stream, how: "ended" | "reset-by-peer" | "reset-by-us"): void {
    this.streams.delete(stream.id);
    this.closedStreams.add(stream.id, how);
    this.#blocked.delete(stream);
    stream.discard();
    this.streamClosed();
  }

  #sendInPieces(block: Buffer, id: number, flags: number): void {
    for (let at = 0; at < block.length; at += this.#peerFrameBytes) {
      const piece = block.subarray(at, at + this.#peerFrameBytes);
      const last = at + piece.length === block.length ? FLAG.endHeaders : 0;
      const [type, own] = at === 0 ? [FRAME.headers, flags] : [FRAME.continuation, 0];
      this.output.push(frame({ type, flags: own | last, id }, piece));
    }
  }

  #writeReset(id: number, code: number): void {
    const payload = Buffer.allocUnsafe(4);
    writeUint32(payload, 0, code);
    this.#control(frame({ type: FRAME.resetStream, flags: 0, id }, payload));
  }

  /** A peer that makes us answer and does not read the answers is cut off. */
  #control(bytes: Buffer): void {
    if (this.wire.backlogged) {
      this.#waitingFrames += 1;
      if (this.#waitingFrames > HTTP2_WAITING_FRAMES_MAX) return this.wire.reset();
    }
    this.output.push(bytes);
  }
}
