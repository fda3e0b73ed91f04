/** Frames as they lie on the wire (RFC 9113 §4.1, §6), and error codes (§7). */

export const FRAME_HEAD_BYTES = 9;
/** The smallest SETTINGS_MAX_FRAME_SIZE, and the only one that we ask for: larger frames hold up the other streams. */
export const FRAME_BYTES_DEFAULT = 16_384;
export const WINDOW_MAX = 0x7fff_ffff;
export const STREAM_ID_MAX = 0x7fff_ffff;
/** Of connections, and of streams before SETTINGS say otherwise (§6.9.2). */
export const WINDOW_DEFAULT = 65_535;

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  /** RFC 8441. */
  enableConnectProtocol: 8,
} as const;

export const ERROR = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  connect: 10,
  enhanceYourCalm: 11,
} as const;

/** Bytes `[from, to)` of what was read. Cheaper than a buffer of its own for each frame. */
export interface Slice {
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
}

export interface FrameHead {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly id: number;
}

export function readUint32(bytes: Buffer, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  );
}

/** Stream identifiers and increments have 31 bits; the reserved one is ignored. */
export function readUint31(bytes: Buffer, at: number): number {
  return readUint32(bytes, at) & STREAM_ID_MAX;
}

export function writeUint32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

export function writeFrameHead(bytes: Buffer, at: number, head: FrameHead): void {
  const { length, type, flags, id } = head;
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  writeUint32(bytes, at + 5, id);
}

/** A whole frame, for the few that are rare. */
export function frame(head: Omit<FrameHead, "length">, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length);
  writeFrameHead(bytes, 0, { ...head, length: payload.length });
  payload.copy(bytes, FRAME_HEAD_BYTES);
  return bytes;
}

/** SETTINGS with these pairs of identifier and value. */
export function settingsFrame(settings: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.allocUnsafe(settings.length * 6);
  settings.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  });
  return frame({ type: FRAME.settings, flags: 0, id: 0 }, payload);
}

export function windowUpdateFrame(id: number, increment: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  writeUint32(payload, 0, increment);
  return frame({ type: FRAME.windowUpdate, flags: 0, id }, payload);
}
