/** Messages on a stream: u32 length of the head, u32 length of the body, the head as JSON, the body. Big-endian. */
import { AzdsError } from "../errors.ts";
import { MESSAGE_BODY_BYTES_MAX, MESSAGE_HEAD_BYTES_MAX } from "../limits.ts";
import { parseJson } from "../parse.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteStream } from "./byte-stream.ts";

const LENGTHS_BYTES = 8;

export interface Message {
  readonly head: unknown;
  /** Empty when the message has none. */
  readonly body: Uint8Array;
}

export interface MessageReader {
  /** The next message, or `undefined` after the peer's end. */
  readonly next: () => Promise<Message | undefined>;
}

/**
 * Resolves when more may be sent. Messages sent at once do not mix.
 * @throws AzdsError PROTOCOL when head or body exceed their limits
 */
export async function sendMessage(stream: ByteStream, head: unknown, body?: Uint8Array): Promise<void> {
  await stream.write(encodeMessage(head, body));
}

/**
 * The bytes of a message, for a sender that writes many in one go.
 * @throws AzdsError PROTOCOL when head or body exceed their limits
 */
export function encodeMessage(head: unknown, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(head));
  checkLengths(json.length, body.length);
  const message = new Uint8Array(LENGTHS_BYTES + json.length + body.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, json.length);
  view.setUint32(4, body.length);
  message.set(json, LENGTHS_BYTES);
  message.set(body, LENGTHS_BYTES + json.length);
  return message;
}

/** @throws AzdsError PROTOCOL from `next` at a message beyond the limits or without JSON */
export function messageReader(stream: ByteStream): MessageReader {
  const reader = new ByteReader(stream);
  return {
    next: async () => {
      const lengths = await reader.exactly(LENGTHS_BYTES);
      if (lengths === undefined) return undefined;
      const view = new DataView(lengths.buffer, lengths.byteOffset);
      const head = view.getUint32(0);
      const body = view.getUint32(4);
      checkLengths(head, body);
      const bytes = await reader.exactly(head + body);
      if (bytes === undefined)
        throw new AzdsError("CONNECTION_LOST", "The connection ended in the middle of a message");
      const text = new TextDecoder().decode(bytes.subarray(0, head));
      return { head: parseJson(text, { code: "PROTOCOL", path: "message" }), body: bytes.subarray(head) };
    },
  };
}

function checkLengths(head: number, body: number): void {
  if (head > MESSAGE_HEAD_BYTES_MAX) throw new AzdsError("PROTOCOL", `A message has a head of ${head} bytes`);
  if (body > MESSAGE_BODY_BYTES_MAX) throw new AzdsError("PROTOCOL", `A message has a body of ${body} bytes`);
}
