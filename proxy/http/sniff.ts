/** What a client speaks, judged by its first bytes. */
import { HEAD_BYTES_MAX } from "../../core/limits.ts";
import { isHttp1, isTokenByte } from "./head.ts";

export type Protocol = "http1" | "http2-preface" | "other" | "need-more";

/** RFC 9113 §3.4. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const LF = 10;
const CR = 13;
const SP = 32;
const P = 80;
/** With the space before it and CR behind. */
const VERSION_BYTES = 10;
/** The longest registered method has 17 letters (UPDATEREDIRECTREF). */
const METHOD_BYTES_MAX = 32;

/** HTTP only with a full request line: other protocols, too, begin with letters and a space. */
export function sniff(bytes: Buffer): Protocol {
  if (bytes[0] === P && beginsPreface(bytes)) return bytes.length < PREFACE.length ? "need-more" : "http2-preface";
  let start = 0;
  while (bytes[start] === CR && bytes[start + 1] === LF) start += 2;
  const end = bytes.indexOf(LF, start);
  if (!mayBeginRequest(bytes, start)) return bytes.length - start <= 1 && bytes[start] === CR ? "need-more" : "other";
  if (end >= 0) return end - start > VERSION_BYTES && endsWithVersion(bytes, end) ? "http1" : "other";
  // Empty lines count: they are kept while nothing is decided.
  return bytes.length <= HEAD_BYTES_MAX ? "need-more" : "other";
}

function beginsPreface(bytes: Buffer): boolean {
  const compared = Math.min(bytes.length, PREFACE.length);
  return bytes.compare(PREFACE, 0, compared, 0, compared) === 0;
}

/** ` HTTP/1.x` and CR. */
function endsWithVersion(bytes: Buffer, end: number): boolean {
  const minor = bytes[end - 2] ?? 0;
  return bytes[end - 10] === SP && isHttp1(bytes, end - 9) && minor >= 48 && minor <= 57 && bytes[end - 1] === CR;
}

/** A method, a space and the first byte of a target, as far as they are there. */
function mayBeginRequest(bytes: Buffer, start: number): boolean {
  let at = start;
  while (isTokenByte(bytes[at])) at += 1;
  if (at - start > METHOD_BYTES_MAX) return false;
  if (at === bytes.length) return true;
  if (at === start || bytes[at] !== SP) return false;
  const first = bytes[at + 1];
  return first === undefined || (first > SP && first < 127);
}
