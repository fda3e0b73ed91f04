/**
 * Frames of the multiplexed connection: u32 length of the payload, u8 type, u32 stream, payload. Big-endian.
 * Stream 0 is the connection itself; odd streams are opened by the client, even ones by the server.
 */
import { AzdsError } from "../errors.ts";
import { MUX_FRAME_BYTES_MAX } from "../limits.ts";

export const FRAME = {
  /** Payload: the stream's name in UTF-8. */
  open: 1,
  /** Payload: at least one byte. */
  data: 2,
  /** The sender's end of the stream. */
  fin: 3,
  /** Breaks the stream. Payload: error code, line feed, message. */
  reset: 4,
  /** Payload: u32, bytes that may be sent in addition. */
  credit: 5,
  /** On stream 0. */
  ping: 6,
  pong: 7,
  /** On stream 0: nothing follows. */
  close: 8,
} as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];
const FRAME_TYPES: readonly FrameType[] = Object.values(FRAME);

export interface Frame {
  readonly type: FrameType;
  readonly stream: number;
  readonly payload: Uint8Array;
}

export const FRAME_HEADER_BYTES = 9;
const EMPTY = new Uint8Array(0);
/** Payloads below this are copied out, so that a waiting byte does not keep a whole read of the carrier alive. */
const COPY_BELOW_BYTES = 4096;

export function frame(type: FrameType, stream: number, payload: Uint8Array = EMPTY): Frame {
  return { type, stream, payload };
}

/** One buffer that holds `frames` in order. */
export function encodeFrames(frames: readonly Frame[]): Uint8Array {
  const size = frames.reduce((sum, each) => sum + FRAME_HEADER_BYTES + each.payload.length, 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const each of frames) {
    view.setUint32(offset, each.payload.length);
    view.setUint8(offset + 4, each.type);
    view.setUint32(offset + 5, each.stream);
    bytes.set(each.payload, offset + FRAME_HEADER_BYTES);
    offset += FRAME_HEADER_BYTES + each.payload.length;
  }
  return bytes;
}

/** Cuts the bytes of a carrier into frames, however they arrive; holds at most one incomplete frame. */
export class FrameDecoder {
  readonly #partial = new Uint8Array(FRAME_HEADER_BYTES + MUX_FRAME_BYTES_MAX);
  #filled = 0;

  /** @throws AzdsError PROTOCOL at a frame that is too long or of unknown type */
  *decode(bytes: Uint8Array): Generator<Frame> {
    let rest = bytes;
    while (this.#filled > 0 && rest.length > 0) {
      rest = this.#complete(rest);
      const size = frameSize(this.#partial.subarray(0, this.#filled));
      if (size === undefined || this.#filled < size) continue;
      this.#filled = 0;
      yield parseFrame(this.#partial.slice(0, size));
    }
    for (let size = frameSize(rest); size !== undefined && rest.length >= size; size = frameSize(rest)) {
      yield parseFrame(rest.subarray(0, size));
      rest = rest.subarray(size);
    }
    this.#partial.set(rest, this.#filled);
    this.#filled += rest.length;
  }

  /** Takes what the incomplete frame lacks: first of its header, then of its payload. */
  #complete(bytes: Uint8Array): Uint8Array {
    const wanted = frameSize(this.#partial.subarray(0, this.#filled)) ?? FRAME_HEADER_BYTES;
    const taken = Math.min(wanted - this.#filled, bytes.length);
    this.#partial.set(bytes.subarray(0, taken), this.#filled);
    this.#filled += taken;
    return bytes.subarray(taken);
  }
}

/** Size of the whole frame that starts `bytes`, or `undefined` while its header is incomplete. */
function frameSize(bytes: Uint8Array): number | undefined {
  if (bytes.length < FRAME_HEADER_BYTES) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (length > MUX_FRAME_BYTES_MAX) throw new AzdsError("PROTOCOL", `The peer sent a frame of ${length} bytes`);
  return FRAME_HEADER_BYTES + length;
}

function parseFrame(bytes: Uint8Array): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const payload = bytes.subarray(FRAME_HEADER_BYTES);
  return {
    type: frameType(view.getUint8(4)),
    stream: view.getUint32(5),
    payload: payload.length < COPY_BELOW_BYTES ? payload.slice() : payload,
  };
}

function frameType(value: number): FrameType {
  const type = FRAME_TYPES.find((known) => known === value);
  if (type === undefined) throw new AzdsError("PROTOCOL", `The peer sent a frame of unknown type ${value}`);
  return type;
}
