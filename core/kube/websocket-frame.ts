/** Frames of a WebSocket client (RFC 6455 §5). */
import { AzdsError } from "../errors.ts";
import { WEBSOCKET_MESSAGE_BYTES_MAX } from "../limits.ts";
import { type ByteReader, concatenate } from "../wire/byte-reader.ts";

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface WebSocketFrame {
  readonly opcode: number;
  /** Whether it ends its message. */
  readonly final: boolean;
  readonly payload: Uint8Array;
}

/**
 * A whole message in one frame. The mask that clients have to apply (§5.3) is zero and changes nothing: it guards
 * proxies against scripts in browsers that choose the bytes, and TLS hides them here anyway.
 */
export function encodeFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const lengthBytes = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8;
  const bytes = new Uint8Array(2 + lengthBytes + 4 + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x80 | opcode;
  bytes[1] = 0x80 | (lengthBytes === 0 ? payload.length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) view.setUint16(2, payload.length);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(payload.length));
  bytes.set(payload, 2 + lengthBytes + 4);
  return bytes;
}

/** The next frame of a server, or `undefined` when the connection ended between frames. */
export async function readFrame(reader: ByteReader): Promise<WebSocketFrame | undefined> {
  const head = await reader.exactly(2);
  if (head === undefined) return undefined;
  const [first = 0, second = 0] = head;
  if ((second & 0x80) !== 0 || (first & 0x70) !== 0)
    throw new AzdsError("PROTOCOL", "The API server sent a WebSocket frame that a client cannot take");
  const length = await payloadLength(reader, second);
  const payload = length === 0 ? new Uint8Array(0) : await reader.exactly(length);
  if (payload === undefined) throw new AzdsError("CONNECTION_LOST", "The connection ended in the middle of a message");
  return { opcode: first & 0x0f, final: (first & 0x80) !== 0, payload };
}

async function payloadLength(reader: ByteReader, second: number): Promise<number> {
  if (second < 126) return second;
  const bytes = await reader.exactly(second === 126 ? 2 : 8);
  if (bytes === undefined) throw new AzdsError("CONNECTION_LOST", "The connection ended in the middle of a message");
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = second === 126 ? view.getUint16(0) : Number(view.getBigUint64(0));
  if (length > WEBSOCKET_MESSAGE_BYTES_MAX)
    throw new AzdsError("PROTOCOL", `The API server sent a WebSocket frame of ${length} bytes`);
  return length;
}

/** Puts the parts of fragmented messages together (§5.4). */
export class MessageAssembler {
  #parts: Uint8Array[] = [];
  #size = 0;

  /** The whole message once its last part is there. */
  add(frame: WebSocketFrame): Uint8Array | undefined {
    this.#parts.push(frame.payload);
    this.#size += frame.payload.length;
    if (this.#size > WEBSOCKET_MESSAGE_BYTES_MAX)
      throw new AzdsError("PROTOCOL", "The API server sent a WebSocket message that is too long");
    if (!frame.final) return undefined;
    const message = concatenate(this.#parts);
    this.#parts = [];
    this.#size = 0;
    return message;
  }
}
