/** What a client speaks, judged by its first bytes. */
import { HEAD_BYTES_MAX } from "../../core/limits.ts";
import { isTokenByte } from "./head.ts";
import { beginsPreface, PREFACE } from "./preface.ts";
import { isVersion, skipEmptyLines } from "./request-head.ts";

export type Protocol = "http1" | "http2-preface" | "other" | "need-more";

const LF = 10;
const CR = 13;
const SP = 32;
/** With the space before it and CR behind. */
const VERSION_BYTES = 10;
/** The longest registered method has 17 letters (UPDATEREDIRECTREF). */
const METHOD_BYTES_MAX = 32;

/** HTTP only with a full request line: other protocols, too, begin with letters and a space. */
export function sniff(bytes: Buffer): Protocol {
  if (beginsPreface(bytes)) return bytes.length < PREFACE.length ? "need-more" : "http2-preface";
  const start = skipEmptyLines(bytes, 0);
  const end = bytes.indexOf(LF, start);
  if (!mayBeginRequest(bytes, start)) return bytes.length - start <= 1 && bytes[start] === CR ? "need-more" : "other";
  if (end >= 0) return endsWithVersion(bytes, start, end) ? "http1" : "other";
  // Empty lines count: they are kept while nothing is decided.
  return bytes.length <= HEAD_BYTES_MAX ? "need-more" : "other";
}

function endsWithVersion(bytes: Buffer, start: number, end: number): boolean {
  const at = end - VERSION_BYTES;
  return at > start && isVersion(bytes, at) !== undefined && bytes[end - 1] === CR;
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
