/** Heads of HTTP/1.x requests (RFC 9112 §3). */
import { HEAD_BYTES_MAX } from "../../core/limits.ts";
import { Fault, findHeadEnd, isHttp1, isTokenByte, parseFields, type Fields } from "./head.ts";
import { RepeatedText } from "./repeated-text.ts";

const LF = 10;
const CR = 13;
const SP = 32;
const SLASH = 47;

const METHODS = new RepeatedText();
const TARGETS = new RepeatedText();

export interface RequestHead {
  /** Offsets of the head in the bytes it was read from; `end` lies behind the empty line. */
  readonly start: number;
  readonly end: number;
  readonly method: string;
  readonly target: string;
  readonly http10: boolean;
  /** Absent: HTTP/1. */
  readonly http2?: true | undefined;
  /** What an extended CONNECT asks for, `websocket` most of all (RFC 8441 §4); absent in HTTP/1. */
  readonly protocol?: string | undefined;
  readonly fields: Fields;
}

/** Reads the head at `start`; `undefined` while it is incomplete. */
export function parseRequestHead(bytes: Buffer, start: number): RequestHead | Fault | undefined {
  const from = skipEmptyLines(bytes, start);
  const end = findHeadEnd(bytes, from);
  if (end instanceof Fault) return end;
  // Empty lines count: they are kept until the head is complete.
  if ((end === 0 ? bytes.length : end) - start > HEAD_BYTES_MAX) return tooLarge(bytes, from);
  if (end === 0) return undefined;
  return parseComplete(bytes, from, end);
}

function parseComplete(bytes: Buffer, start: number, end: number): RequestHead | Fault {
  const lineEnd = bytes.indexOf(LF, start) + 1;
  let methodEnd = start;
  while (isTokenByte(bytes[methodEnd])) methodEnd += 1;
  // SP HTTP-version CRLF are the last eleven bytes.
  const targetEnd = lineEnd - 11;
  if (methodEnd === start || bytes[methodEnd] !== SP || targetEnd <= methodEnd + 1)
    return new Fault(400, "a request line that is none");
  const http10 = isVersion(bytes, targetEnd);
  if (http10 === undefined || !isTarget(bytes, methodEnd + 1, targetEnd))
    return new Fault(400, "a request line that is none");
  const fields = parseFields(bytes, lineEnd, end);
  if (fields instanceof Fault) return fields;
  if (fields.transferCoded && (http10 || !fields.chunked))
    return new Fault(400, "a request body whose end cannot be told");
  if (fields.upgrades !== undefined && (fields.chunked || fields.contentLength > 0)) ignoreUpgrade(fields);
  return {
    start,
    end,
    method: METHODS.of(bytes, start, methodEnd),
    target: TARGETS.of(bytes, methodEnd + 1, targetEnd),
    http10,
    fields,
  };
}

/**
 * Some servers take what follows the head for the other protocol and others for the body. An upgrade may always be
 * ignored (RFC 9110 §7.8): its lines are not passed on.
 */
function ignoreUpgrade(fields: Fields): void {
  // Lines do not overlap, so starts and ends stay in turns.
  fields.cuts = [...fields.cuts, ...(fields.upgrades ?? [])].toSorted((a, b) => a - b);
}

/** The authority the request is for: an absolute target's, else Host (RFC 9112 §3.2.2). */
export function authorityOf(head: RequestHead): string | undefined {
  if (head.target.charCodeAt(0) === SLASH) return head.fields.host;
  if (head.method === "CONNECT") return head.target;
  const scheme = head.target.indexOf("://");
  if (scheme < 0) return head.fields.host;
  const authority = /^[^/?#]*/.exec(head.target.slice(scheme + 3))?.[0] ?? "";
  return authority.slice(authority.lastIndexOf("@") + 1);
}

/**
 * Whether the client closes the connection after this request: `close`, or HTTP/1.0 without `keep-alive`
 * (RFC 9112 §9.3).
 */
export function closesAfter(head: { readonly http10: boolean; readonly fields: Fields }): boolean {
  return head.fields.close || (head.http10 && !head.fields.keepAlive);
}

/** Empty lines before a request are ignored (RFC 9112 §2.2). */
export function skipEmptyLines(bytes: Buffer, start: number): number {
  let from = start;
  while (bytes[from] === CR && bytes[from + 1] === LF) from += 2;
  return from;
}

function tooLarge(bytes: Buffer, start: number): Fault {
  const line = bytes.indexOf(LF, start);
  const lineTooLong = line < 0 || line - start > HEAD_BYTES_MAX;
  return lineTooLong ? new Fault(414, "a request line that is too long") : new Fault(431, "a head that is too large");
}

/** Whether ` HTTP/1.x` stands at `at`: true for 1.0, false for 1.1 and above, `undefined` for anything else. */
export function isVersion(bytes: Buffer, at: number): boolean | undefined {
  if (bytes[at] !== SP || !isHttp1(bytes, at + 1)) return undefined;
  const minor = bytes[at + 8] ?? 0;
  return minor >= 48 && minor <= 57 ? minor === 48 : undefined;
}

function isTarget(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i += 1) {
    const byte = bytes[i] ?? 0;
    if (byte <= SP || byte === 127) return false;
  }
  return true;
}
