import { AzdsError } from "../../../../core/errors.ts";
import { concatenate } from "../../../../core/wire/byte-reader.ts";
import type { ByteStream } from "../../../../core/wire/byte-stream.ts";

/** `size` bytes that depend on `seed` and differ along the way. */
export function bytesOf(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed * 2_654_435_761 + 1;
  for (let at = 0; at < size; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export async function readAll(stream: ByteStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) parts.push(bytes);
  return concatenate(parts);
}

/** Code of the AzdsError that `promise` rejects with; `undefined` when it resolves. Other errors pass. */
export async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    if (error instanceof AzdsError) return error.code;
    throw error;
  }
}
