/** Heads of HTTP/1.x responses (RFC 9112 §4). */
import { HEAD_BYTES_MAX } from "../../core/limits.ts";
import { Fault, findHeadEnd, parseFields, type Fields } from "./head.ts";

const LF = 10;
const SP = 32;
const CR = 13;

export interface ResponseHead {
  /** Behind the empty line. */
  readonly end: number;
  readonly status: number;
  readonly http10: boolean;
  readonly fields: Fields;
}

/** Reads the head at `start`; `undefined` while it is incomplete. */
export function parseResponseHead(bytes: Buffer, start: number): ResponseHead | Fault | undefined {
  const end = findHeadEnd(bytes, start);
  if (end instanceof Fault) return end;
  if ((end === 0 ? bytes.length : end) - start > HEAD_BYTES_MAX)
    return new Fault(431, "a response head that is too large");
  if (end === 0) return undefined;
  const lineEnd = bytes.indexOf(LF, start) + 1;
  const status = statusOf(bytes, start, lineEnd);
  if (status === undefined) return new Fault(400, "a status line that is none");
  const fields = parseFields(bytes, lineEnd, end);
  if (fields instanceof Fault) return fields;
  return { end, status, http10: bytes[start + 7] === 48, fields };
}

/** The three digits of `HTTP/1.x NNN reason`, where no reader can see the end of the line before it is there. */
function statusOf(bytes: Buffer, start: number, lineEnd: number): number | undefined {
  const minor = bytes[start + 7] ?? 0;
  if (bytes.toString("latin1", start, start + 7) !== "HTTP/1." || minor < 48 || minor > 57) return undefined;
  const reasonStart = start + 12;
  const reasonEnd = lineEnd - 2;
  if (bytes[start + 8] !== SP || (reasonStart !== reasonEnd && bytes[reasonStart] !== SP)) return undefined;
  for (let i = reasonStart; i < reasonEnd; i += 1) if (bytes[i] === 0 || bytes[i] === CR) return undefined;
  const digits = bytes.toString("latin1", start + 9, reasonStart);
  return /^[1-9][0-9]{2}$/.test(digits) ? Number(digits) : undefined;
}
