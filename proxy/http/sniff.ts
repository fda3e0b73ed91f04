/** What a client speaks, judged by its first bytes. */
import { HEAD_BYTES_MAX } from "../../core/limits.ts";
import { isTokenByte } from "./head.ts";

export type Protocol = "http1" | "http2-preface" | "other" | "need-more";

/** RFC 9113 §3.4. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const REQUEST_LINE_END = /^ HTTP\/1\.[0-9]\r$/;
const LF = 10;
const SP = 32;
/** The longest registered method has 17 letters (UPDATEREDIRECTREF). */
const METHOD_BYTES_MAX = 32;

/** HTTP only with a full request line: other protocols, too, begin with letters and a space. */
export function sniff(bytes: Buffer): Protocol {
  const compared = Math.min(bytes.length, PREFACE.length);
  if (compared > 0 && bytes.compare(PREFACE, 0, compared, 0, compared) === 0) {
    return compared === PREFACE.length ? "http2-preface" : "need-more";
  }
  let start = 0;
  while (bytes[start] === 13 && bytes[start + 1] === LF) start += 2;
  const end = bytes.indexOf(LF, start);
  if (!mayBeginRequest(bytes, start)) return bytes.length - start <= 1 && bytes[start] === 13 ? "need-more" : "other";
  if (end >= 0)
    return REQUEST_LINE_END.test(bytes.toString("latin1", Math.max(start, end - 10), end)) ? "http1" : "other";
  // Empty lines count: they are kept while nothing is decided.
  return bytes.length <= HEAD_BYTES_MAX ? "need-more" : "other";
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
