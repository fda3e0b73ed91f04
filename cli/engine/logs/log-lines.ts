/** From the bytes of a container's log, as the kubelet gives it with timestamps, to lines with their time. */
import { LOG_LINE_BYTES_MAX } from "../../../core/limits.ts";

export interface LogLine {
  /** `undefined` for words of the kubelet itself, for example that it can watch no more files. */
  readonly time: LogTime | undefined;
  /** Without time and line end; what is not UTF-8 is replaced (U+FFFD). */
  readonly text: string;
}

/** Nanoseconds do not fit into one number. */
export interface LogTime {
  /** Since the epoch. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

export interface LogSplitter {
  /** What these bytes complete; a line longer than LOG_LINE_BYTES_MAX comes in pieces, all with its time. */
  readonly push: (bytes: Uint8Array) => readonly LogLine[];
  /** The last line, when it has no line end. */
  readonly end: () => readonly LogLine[];
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
/** `2026-01-02T03:04:05.123456789+00:00` with some room; a line's own first word is not searched further. */
const STAMP_BYTES_MAX = 40;
const STAMP = /^(?<seconds>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(?<fraction>\d{1,9}))?(?<zone>Z|[+-]\d\d:\d\d)$/;

export function createLogSplitter(): LogSplitter {
  let rest: Uint8Array = new Uint8Array(0);
  let time: LogTime | undefined;
  /** Whether `rest` starts in the middle of a line. */
  let inside = false;
  const take = (bytes: Uint8Array, isLast: boolean): LogLine => {
    const head = inside ? undefined : headOf(bytes);
    if (!inside) time = head?.time;
    inside = !isLast;
    return { time, text: textOf(head === undefined ? bytes : bytes.subarray(head.size), isLast) };
  };
  return {
    push: (bytes) => {
      const data = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      const lines: LogLine[] = [];
      let start = 0;
      for (;;) {
        const feed = data.indexOf(LINE_FEED, start);
        const end = feed < 0 ? data.length : feed;
        if (end - start > LOG_LINE_BYTES_MAX) {
          const cut = characterStart(data, start + LOG_LINE_BYTES_MAX);
          lines.push(take(data.subarray(start, cut), false));
          start = cut;
        } else if (feed < 0) {
          // A copy, or a short rest would keep the whole chunk.
          rest = data.slice(start);
          return lines;
        } else {
          lines.push(take(data.subarray(start, feed), true));
          start = feed + 1;
        }
      }
    },
    end: () => {
      const last = rest;
      rest = new Uint8Array(0);
      return last.length === 0 ? [] : [take(last, true)];
    },
  };
}

export function compareTimes(a: LogTime, b: LogTime): number {
  return a.seconds - b.seconds || a.nanoseconds - b.nanoseconds;
}

/** RFC 3339 with nine digits. */
export function formatTime({ seconds, nanoseconds }: LogTime): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, "2026-01-02T03:04:05".length);
  return `${whole}.${String(nanoseconds).padStart(9, "0")}Z`;
}

function headOf(line: Uint8Array): { readonly time: LogTime; readonly size: number } | undefined {
  const space = line.subarray(0, STAMP_BYTES_MAX).indexOf(SPACE);
  if (space < 0) return undefined;
  const groups = STAMP.exec(new TextDecoder().decode(line.subarray(0, space)))?.groups;
  if (groups === undefined) return undefined;
  const seconds = Date.parse(`${groups["seconds"]}${groups["zone"]}`) / 1000;
  if (Number.isNaN(seconds)) return undefined;
  const nanoseconds = Number((groups["fraction"] ?? "").padEnd(9, "0"));
  return { time: { seconds, nanoseconds }, size: space + 1 };
}

/** Back to the first byte of the UTF-8 character that `at` would cut; not further than a character is long. */
function characterStart(bytes: Uint8Array, at: number): number {
  let start = at;
  while (start > at - 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start -= 1;
  return start;
}

function textOf(bytes: Uint8Array, isLast: boolean): string {
  const end = isLast && bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, end));
}
