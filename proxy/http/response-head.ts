/** Heads of HTTP/1.x responses (RFC 9112 §4). */
import { HEAD_BYTES_MAX } from "../../core/limits.ts";
import { Fault, findHeadEnd, isHttp1, parseFields, type Fields } from "./head.ts";

const LF = 10;
const SP = 32;
const CR = 13;
const ZERO = 48;

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
  if (!isHttp1(bytes, start) || digitAt(bytes, start + 7) < 0) return undefined;
  const reasonStart = start + 12;
  const reasonEnd = lineEnd - 2;
  if (bytes[start + 8] !== SP || (reasonStart !== reasonEnd && bytes[reasonStart] !== SP)) return undefined;
  for (let i = reasonStart; i < reasonEnd; i += 1) if (bytes[i] === 0 || bytes[i] === CR) return undefined;
  const hundreds = digitAt(bytes, start + 9);
  const tens = digitAt(bytes, start + 10);
  const ones = digitAt(bytes, start + 11);
  return hundreds < 1 || tens < 0 || ones < 0 ? undefined : 100 * hundreds + 10 * tens + ones;
}

/** -1 for what is no digit. */
function digitAt(bytes: Buffer, at: number): number {
  const digit = (bytes[at] ?? 0) - ZERO;
  return digit >= 0 && digit <= 9 ? digit : -1;
}
