/** The output of a developer's process on its way from the agent to a terminal: what travels, and how bytes become lines. */
import { AzdsError } from "./errors.ts";
import { asNumber, asString, member } from "./parse.ts";

export interface OutputLine {
  /** `agent`: not the application speaks but the agent, for example of output that a slow reader missed. */
  readonly stream: "stdout" | "stderr" | "agent";
  /** Without its line end. */
  readonly text: string;
  /** When its last byte was read; milliseconds since the epoch. */
  readonly at: number;
}

/** @throws AzdsError PROTOCOL when the value is no line of output */
export function parseOutputLine(value: unknown): OutputLine {
  const stream = member(value, "stream");
  const text = asString(member(value, "text"));
  const at = asNumber(member(value, "at"));
  if ((stream !== "stdout" && stream !== "stderr" && stream !== "agent") || text === undefined || at === undefined) {
    throw new AzdsError("PROTOCOL", "The agent sent something that is no line of output");
  }
  return { stream, text, at };
}

/** Turns chunks of bytes into lines; one splitter per stream of bytes. */
export interface LineSplitter {
  /** The lines that these bytes complete, without their line ends (LF or CRLF). */
  readonly push: (bytes: Uint8Array) => readonly string[];
  /** The last line, when it has no line end. */
  readonly end: () => readonly string[];
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

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
  return new TextDecoder().decode(line.subarray(0, end));
}
