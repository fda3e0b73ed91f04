import { AzdsError } from "../errors.ts";
import { ByteReader, concatenate } from "./byte-reader.ts";
import type { ByteStream } from "./byte-stream.ts";

const LINE_FEED = 10;

/** A line without its line feed, and the stream that goes on with the byte after it. */
export interface FirstLine {
  readonly line: string;
  readonly rest: ByteStream;
}

/** @throws AzdsError PROTOCOL when the line is longer than `maxBytes`, CONNECTION_LOST when the stream ends before its line feed */
export async function readLine(stream: ByteStream, maxBytes: number): Promise<FirstLine> {
  const reader = new ByteReader(stream);
  const bytes = await reader.until("\n", maxBytes);
  const line = new TextDecoder().decode(bytes.subarray(0, -1));
  return { line, rest: { ...stream, read: () => reader.some() } };
}

/**
 * Each line of `chunks` without its line feed, as text; what follows the last line feed is dropped, for it was cut.
 * @throws AzdsError PROTOCOL when a line is longer than `maxBytes`
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let rest = chunk;
    for (let feed = rest.indexOf(LINE_FEED); feed >= 0; feed = rest.indexOf(LINE_FEED)) {
      parts.push(rest.subarray(0, feed));
      yield decoder.decode(concatenate(parts));
      parts = [];
      size = 0;
      rest = rest.subarray(feed + 1);
    }
    parts.push(rest);
    size += rest.length;
    if (size > maxBytes) throw new AzdsError("PROTOCOL", `The peer sent no end of line within ${maxBytes} bytes`);
  }
}
