/** The output of a developer's process on its way from the agent to a terminal: what travels, and how bytes become lines. */
import { AzdsError } from "./errors.ts";
import { OUTPUT_CHUNK_BYTES_MAX, OUTPUT_LINE_BYTES_MAX } from "./limits.ts";
import { asNumber, asString, member } from "./parse.ts";
import { concatenate } from "./wire/byte-reader.ts";
import { type Message, sendMessage } from "./wire/messages.ts";
import type { ByteStream } from "./wire/byte-stream.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const decoder = new TextDecoder();

export interface OutputLine {
  /** `agent`: not the application speaks but the agent, for example of output that a slow reader missed. */
  readonly stream: "stdout" | "stderr" | "agent";
  /** Without its line end. */
  readonly text: string;
  /** When its last byte was read; milliseconds since the epoch. */
  readonly at: number;
}

/**
 * Lines that came at once: each with its line end, save pieces of one that is longer than OUTPUT_LINE_BYTES_MAX, and
 * the last one before an end or a gap. So each chunk becomes lines by itself.
 */
export interface OutputChunk extends Pick<OutputLine, "stream" | "at"> {
  readonly bytes: Uint8Array;
}

/** Resolves when more may be sent. */
export async function sendOutput(stream: ByteStream, chunk: OutputChunk): Promise<void> {
  await sendMessage(stream, { stream: chunk.stream, at: chunk.at }, chunk.bytes);
}

/** @throws AzdsError PROTOCOL when the message is no output, as from an agent of another version */
export function parseOutput({ head, body }: Message): OutputChunk {
  const stream = asString(member(head, "stream"));
  const at = asNumber(member(head, "at"));
  if ((stream !== "stdout" && stream !== "stderr" && stream !== "agent") || at === undefined || body.length === 0) {
    throw new AzdsError("PROTOCOL", "The agent sent something that is no output");
  }
  return { stream, at, bytes: body };
}

export function linesOf({ stream, at, bytes }: OutputChunk): readonly OutputLine[] {
  const splitter = createLineSplitter(OUTPUT_LINE_BYTES_MAX);
  return [...splitter.push(bytes), ...splitter.end()].map((text) => ({ stream, text, at }));
}

/** Keeps back the beginning of a line until the rest of it comes; one gatherer per stream of bytes. */
export interface LineGatherer {
  /** Chunks of whole lines, or of a piece of a line that is too long. They may be views of the bytes given. */
  readonly push: (bytes: Uint8Array) => readonly Uint8Array[];
  /** What was kept back, if anything. */
  readonly end: () => readonly Uint8Array[];
}

export function createLineGatherer(): LineGatherer {
  let rest = new Uint8Array();
  return {
    push: (bytes) => {
      const data = rest.length === 0 ? bytes : concatenate([rest, bytes]);
      const chunks: Uint8Array[] = [];
      for (let start = 0; ;) {
        const ahead = data.subarray(start, start + OUTPUT_CHUNK_BYTES_MAX);
        const whole = ahead.lastIndexOf(LINE_FEED) + 1;
        if (whole === 0 && ahead.length <= OUTPUT_LINE_BYTES_MAX) {
          rest = ahead.slice();
          return chunks;
        }
        const chunk = ahead.subarray(0, whole === 0 ? OUTPUT_LINE_BYTES_MAX : whole);
        chunks.push(chunk);
        start += chunk.length;
      }
    },
    end: () => {
      const last = rest;
      rest = new Uint8Array();
      return last.length === 0 ? [] : [last];
    },
  };
}

/** Turns chunks of bytes into lines; one splitter per stream of bytes. */
export interface LineSplitter {
  /** The lines that these bytes complete, without their line ends (LF or CRLF). */
  readonly push: (bytes: Uint8Array) => readonly string[];
  /** The last line, when it has no line end. */
  readonly end: () => readonly string[];
}

/** @param bytesMax longer lines come in pieces of this size */
export function createLineSplitter(bytesMax: number): LineSplitter {
  let rest = new Uint8Array();
  return {
    push: (bytes) => {
      const data = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      const lines: string[] = [];
      let start = 0;
      for (;;) {
        const feed = data.indexOf(LINE_FEED, start);
        const end = feed < 0 ? data.length : feed;
        if (end - start > bytesMax) {
          lines.push(textOf(data.subarray(start, start + bytesMax)));
          start += bytesMax;
        } else if (feed < 0) {
          rest = data.slice(start);
          return lines;
        } else {
          lines.push(textOf(data.subarray(start, feed)));
          start = feed + 1;
        }
      }
    },
    end: () => {
      const last = rest;
      rest = new Uint8Array();
      return last.length === 0 ? [] : [textOf(last)];
    },
  };
}

function textOf(line: Uint8Array): string {
  const end = line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length;
  return decoder.decode(line.subarray(0, end));
}
