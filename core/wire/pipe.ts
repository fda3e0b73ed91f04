import type { ByteStream } from "./byte-stream.ts";

/** Copies both ways, passing each side's end on, until both have ended. An error on either breaks both and is thrown. */
export async function pipe(a: ByteStream, b: ByteStream): Promise<void> {
  try {
    await Promise.all([copy(a, b), copy(b, a)]);
  } catch (error) {
    const reason = error instanceof Error ? error : undefined;
    a.abort(reason);
    b.abort(reason);
    throw error;
  }
}

async function copy(from: ByteStream, to: ByteStream): Promise<void> {
  for (let bytes = await from.read(); bytes !== undefined; bytes = await from.read()) await to.write(bytes);
  await to.end();
}
