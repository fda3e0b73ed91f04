/**
 * Cuts what a peer sends into frames and judges each by itself (RFC 9113 §4, §6); what it means for a stream, and whether
 * it may stand there, is its handler's business.
 */
import { HEAD_BYTES_MAX, HTTP2_CONTINUATIONS_MAX } from "../../core/limits.ts";
import {
  ERROR,
  FLAG,
  FRAME,
  FRAME_BYTES_DEFAULT,
  FRAME_HEAD_BYTES,
  readUint31,
  readUint32,
  SETTING,
  type Slice,
  WINDOW_MAX,
} from "./frame.ts";
import { PREFACE } from "../http/preface.ts";

export interface FrameHandler {
  /** DATA. `frame` has room for a head in front of the content and may be written over; `padding` counts for windows. */
  readonly dataFrame: (id: number, frame: Slice, info: DataInfo) => void;
  /** A whole header block. */
  readonly headerBlock: (id: number, block: Slice, end: boolean) => void;
  readonly resetFrame: (id: number, code: number) => void;
  readonly settings: (settings: readonly (readonly [number, number])[]) => void;
  readonly ping: (payload: Buffer) => void;
  readonly goAway: (lastId: number, code: number) => void;
  readonly windowUpdate: (id: number, increment: number) => void;
  /** A frame that asks for nothing. */
  readonly idleFrame: () => void;
  readonly failStream: (id: number, code: number) => void;
  /** A connection error: nothing is read any more. */
  readonly fail: (code: number, reason: string) => void;
}

export interface DataInfo {
  readonly end: boolean;
  /** Bytes beside the content. */
  readonly padding: number;
}

const ENDS: DataInfo = { end: true, padding: 0 };
const GOES_ON: DataInfo = { end: false, padding: 0 };

/** A header block that CONTINUATION frames go on with. */
interface OpenBlock {
  readonly id: number;
  readonly end: boolean;
  readonly parts: Buffer[];
  bytes: number;
}

export class FrameReader {
  readonly #handler: FrameHandler;
  #prefaceLeft: number;
  #carry: Buffer | undefined;
  #block: OpenBlock | undefined;
  #settingsSeen = false;
  #stopped = false;

  constructor(handler: FrameHandler, expectsPreface: boolean) {
    this.#handler = handler;
    this.#prefaceLeft = expectsPreface ? PREFACE.length : 0;
  }

  stop(): void {
    this.#stopped = true;
    this.#carry = undefined;
    this.#block = undefined;
  }

  read(received: Buffer): void {
    const bytes = this.#carry === undefined ? received : Buffer.concat([this.#carry, received]);
    this.#carry = undefined;
    let at = this.#readPreface(bytes);
    while (!this.#stopped && bytes.length - at >= FRAME_HEAD_BYTES) {
      const length = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
      if (length > FRAME_BYTES_DEFAULT) {
        this.#fail(ERROR.frameSize, "a frame that is larger than SETTINGS_MAX_FRAME_SIZE");
        return;
      }
      const end = at + FRAME_HEAD_BYTES + length;
      if (end > bytes.length) break;
      this.#readFrame(bytes, at, end);
      at = end;
    }
    if (!this.#stopped && at < bytes.length) this.#carry = at === 0 ? bytes : bytes.subarray(at);
  }

  #readPreface(bytes: Buffer): number {
    const left = this.#prefaceLeft;
    if (left === 0) return 0;
    const compared = Math.min(left, bytes.length);
    const from = PREFACE.length - left;
    if (bytes.compare(PREFACE, from, from + compared, 0, compared) !== 0)
      this.#fail(ERROR.protocol, "no connection preface");
    this.#prefaceLeft -= compared;
    return compared;
  }

  #readFrame(bytes: Buffer, at: number, end: number): void {
    const type = bytes[at + 3] ?? 0;
    const flags = bytes[at + 4] ?? 0;
    const id = readUint31(bytes, at + 5);
    if (this.#block !== undefined && (type !== FRAME.continuation || id !== this.#block.id))
      return this.#fail(ERROR.protocol, "a header block that is interrupted");
    if (!this.#settingsSeen) {
      if (type !== FRAME.settings || (flags & FLAG.ack) !== 0)
        return this.#fail(ERROR.protocol, "a first frame that is not SETTINGS");
      this.#settingsSeen = true;
    }
    if (type === FRAME.data) return this.#readData({ bytes, from: at, to: end }, id, flags);
    if (type === FRAME.headers) return this.#readHeaders({ bytes, from: at + FRAME_HEAD_BYTES, to: end }, id, flags);
    const payload = bytes.subarray(at + FRAME_HEAD_BYTES, end);
    switch (type) {
      case FRAME.continuation:
        return this.#readContinuation(payload, id, flags);
      case FRAME.settings:
        return this.#readSettings(payload, id, flags);
      case FRAME.pushPromise:
        return this.#fail(ERROR.protocol, "PUSH_PROMISE, which may not be sent here");
      case FRAME.priority:
      case FRAME.resetStream:
      case FRAME.windowUpdate:
        return this.#readStreamFrame(type, payload, id);
      case FRAME.ping:
      case FRAME.goAway:
        return this.#readConnectionFrame(type, payload, { id, flags });
      default:
        // Extensions are ignored (§5.5).
        return this.#handler.idleFrame();
    }
  }

  #readData(frame: Slice, id: number, flags: number): void {
    if (id === 0) return this.#fail(ERROR.protocol, "DATA on stream 0");
    const end = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.padded) === 0) return this.#handler.dataFrame(id, frame, end ? ENDS : GOES_ON);
    const { bytes, from, to } = frame;
    const content = to - from - FRAME_HEAD_BYTES;
    const padding = content === 0 ? 1 : (bytes[from + FRAME_HEAD_BYTES] ?? 0) + 1;
    if (content < padding) return this.#fail(ERROR.protocol, "padding beyond the frame");
    this.#handler.dataFrame(id, { bytes, from: from + 1, to: to - padding + 1 }, { end, padding });
  }

  #readHeaders(payload: Slice, id: number, flags: number): void {
    if (id === 0) return this.#fail(ERROR.protocol, "HEADERS on stream 0");
    const { bytes } = payload;
    let { from, to } = payload;
    if ((flags & FLAG.padded) !== 0) {
      if (from < to) to -= bytes[from] ?? 0;
      from += 1;
    }
    // Priorities are read over (§5.3.2), but a stream cannot depend on itself (RFC 7540 §5.3.1).
    const dependsOn = (flags & FLAG.priority) !== 0 && from + 4 <= to ? readUint31(bytes, from) : 0;
    if ((flags & FLAG.priority) !== 0) from += 5;
    if (to < from) return this.#fail(ERROR.protocol, "padding or priority beyond the frame");
    if (dependsOn === id) this.#handler.failStream(id, ERROR.protocol);
    const last = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) this.#handler.headerBlock(id, { bytes, from, to }, last);
    // Copied: the rest may take its time, and must not keep everything that was read with it.
    else this.#block = { id, end: last, parts: [Buffer.from(bytes.subarray(from, to))], bytes: to - from };
  }

  #readContinuation(payload: Buffer, id: number, flags: number): void {
    const block = this.#block;
    if (block === undefined) return this.#fail(ERROR.protocol, "CONTINUATION without HEADERS");
    block.bytes += payload.length;
    block.parts.push(Buffer.from(payload));
    if (block.bytes > HEAD_BYTES_MAX || block.parts.length > HTTP2_CONTINUATIONS_MAX)
      return this.#fail(ERROR.enhanceYourCalm, "a header block that is too large");
    if ((flags & FLAG.endHeaders) === 0) return;
    this.#block = undefined;
    this.#handler.headerBlock(id, { bytes: Buffer.concat(block.parts), from: 0, to: block.bytes }, block.end);
  }

  #readStreamFrame(type: number, payload: Buffer, id: number): void {
    if (type === FRAME.priority) {
      if (id === 0) return this.#fail(ERROR.protocol, "PRIORITY on stream 0");
      if (payload.length !== 5) this.#handler.failStream(id, ERROR.frameSize);
      else if (readUint31(payload, 0) === id) this.#handler.failStream(id, ERROR.protocol);
      return this.#handler.idleFrame();
    }
    if (payload.length !== 4) return this.#fail(ERROR.frameSize, "a frame of the wrong size");
    if (type === FRAME.windowUpdate) return this.#handler.windowUpdate(id, readUint31(payload, 0));
    if (id === 0) return this.#fail(ERROR.protocol, "RST_STREAM on stream 0");
    this.#handler.resetFrame(id, readUint32(payload, 0));
  }

  #readConnectionFrame(
    type: number,
    payload: Buffer,
    { id, flags }: { readonly id: number; readonly flags: number },
  ): void {
    if (id !== 0) return this.#fail(ERROR.protocol, "a frame of the connection on a stream");
    if (type === FRAME.goAway) {
      if (payload.length < 8) return this.#fail(ERROR.frameSize, "a frame of the wrong size");
      return this.#handler.goAway(readUint31(payload, 0), readUint32(payload, 4));
    }
    if (payload.length !== 8) return this.#fail(ERROR.frameSize, "a frame of the wrong size");
    if ((flags & FLAG.ack) === 0) this.#handler.ping(payload);
    else this.#handler.idleFrame();
  }

  #readSettings(payload: Buffer, id: number, flags: number): void {
    if (id !== 0) return this.#fail(ERROR.protocol, "SETTINGS on a stream");
    const ack = (flags & FLAG.ack) !== 0;
    if (payload.length % 6 !== 0 || (ack && payload.length > 0))
      return this.#fail(ERROR.frameSize, "SETTINGS of the wrong size");
    if (ack) return this.#handler.idleFrame();
    const settings: [number, number][] = [];
    for (let at = 0; at < payload.length; at += 6) {
      const setting: [number, number] = [readUint32(payload, at) >>> 16, readUint32(payload, at + 2)];
      const code = wrongSetting(...setting);
      if (code !== undefined) return this.#fail(code, "a setting with a value that it cannot have");
      settings.push(setting);
    }
    this.#handler.settings(settings);
  }

  #fail(code: number, reason: string): void {
    this.#handler.fail(code, reason);
  }
}

/** RFC 9113 §6.5.2. */
function wrongSetting(id: number, value: number): number | undefined {
  switch (id) {
    case SETTING.enablePush:
    case SETTING.enableConnectProtocol:
      return value > 1 ? ERROR.protocol : undefined;
    case SETTING.initialWindowSize:
      return value > WINDOW_MAX ? ERROR.flowControl : undefined;
    case SETTING.maxFrameSize:
      return value < FRAME_BYTES_DEFAULT || value > 0xff_ffff ? ERROR.protocol : undefined;
    default:
      return undefined;
  }
}
