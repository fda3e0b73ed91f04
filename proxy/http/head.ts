/**
 * The part of an HTTP/1.1 head that requests and responses share: where it ends, and the few fields a proxy needs
 * (RFC 9112 §2–6). Works on the received bytes; text is made only of values that are needed as text.
 */
import { HOP_HEADER, ROUTE_HEADER } from "../../core/contract.ts";
import { parseGrpcStatus } from "../../core/grpc-status.ts";
import { RepeatedText } from "./repeated-text.ts";

const LF = 10;
const CR = 13;
const HTAB = 9;
const SP = 32;
const COLON = 58;
const SLASH = 47;
const DOT = 46;
const ZERO = 48;
/** Of the kubelet's probes, before its version. */
export const PROBE_AGENT = "kube-probe/";
const NINE = 57;

/** Why a message is refused: the status to answer it with and the reason, for logs and the answer's text. */
export class Fault {
  readonly status: 400 | 414 | 431;
  readonly reason: string;

  constructor(status: 400 | 414 | 431, reason: string) {
    this.status = status;
    this.reason = reason;
  }
}

export interface Fields {
  /** -1 when absent. */
  contentLength: number;
  /** Transfer-Encoding is present. */
  transferCoded: boolean;
  /** The last transfer coding is `chunked`. */
  chunked: boolean;
  /** Tokens of Connection. */
  close: boolean;
  keepAlive: boolean;
  /** Pairs of offsets of Upgrade lines. */
  upgrades: readonly number[] | undefined;
  host: string | undefined;
  /** Accept names `text/html`: a person looks at the answer. */
  acceptsHtml: boolean;
  /** Value of the route header. */
  routeAs: string | undefined;
  /** Members of Baggage as they came (W3C Baggage §3.3.1). */
  baggage: string | undefined;
  /** What relates a request to those it causes, as it came. */
  traceparent: string | undefined;
  requestId: string | undefined;
  /** Of a response of gRPC-Web that has nothing else; -1 in all others. */
  grpcStatus: number;
  /** The kubelet asks, not a client. */
  probe: boolean;
  /** Value of the hop mark. */
  routedTo: string | undefined;
  /** Pairs of offsets of lines that are not passed on: hop marks and repeated lengths. */
  cuts: readonly number[];
}

const HTML = "text/html";

const NO_CUTS: readonly number[] = [];

const HOSTS = new RepeatedText();
const ROUTES = new RepeatedText();
const MARKS = new RepeatedText();

/** The field line that is being read. */
class FieldLine {
  bytes: Buffer = Buffer.alloc(0);
  /** The name is `bytes[start, colon)`. */
  start = 0;
  colon = 0;
  /** The value is `bytes[valueStart, valueEnd)`. */
  valueStart = 0;
  valueEnd = 0;
  /** Where the line behind it starts. */
  next = 0;
}

/** One for all lines of all heads: each is read within one call, and nothing is kept of it. */
const LINE = new FieldLine();

/**
 * Offset behind the empty line that ends the head starting at `start`; 0 while it is incomplete.
 * A line that ends without CR is refused: two readers could disagree where it ends (RFC 9112 §2.2).
 */
export function findHeadEnd(bytes: Buffer, start: number): number | Fault {
  let line = start;
  for (;;) {
    const lf = bytes.indexOf(LF, line);
    if (lf < 0) return 0;
    if (lf === line || bytes[lf - 1] !== CR) return new Fault(400, "a line of the head ends without CR");
    if (lf === line + 1) return lf + 1;
    line = lf + 1;
  }
}

/** Reads the field lines `bytes[from, end)`, where `end` lies behind the empty line. */
export function parseFields(bytes: Buffer, from: number, end: number): Fields | Fault {
  const fields: Fields = {
    contentLength: -1,
    transferCoded: false,
    chunked: false,
    close: false,
    keepAlive: false,
    upgrades: undefined,
    host: undefined,
    acceptsHtml: false,
    routeAs: undefined,
    baggage: undefined,
    traceparent: undefined,
    requestId: undefined,
    grpcStatus: -1,
    probe: false,
    routedTo: undefined,
    cuts: NO_CUTS,
  };
  const line = LINE;
  line.bytes = bytes;
  line.next = from;
  while (line.next < end - 2) {
    const fault = nextLine(line) ?? readField(line, fields);
    if (fault !== undefined) return fault;
  }
  if (fields.transferCoded && fields.contentLength >= 0)
    return new Fault(400, "both Content-Length and Transfer-Encoding");
  return fields;
}

/** Moves on by one line of a head in which every LF has its CR (findHeadEnd): it ends with the first CR. */
function nextLine(line: FieldLine): Fault | undefined {
  const { bytes, next: start } = line;
  const first = bytes[start];
  if (first === SP || first === HTAB) return new Fault(400, "a folded field line");
  let colon = start;
  while (isTokenByte(bytes[colon])) colon += 1;
  if (colon === start || bytes[colon] !== COLON)
    return new Fault(400, "a field name that is no token, or space before its colon");
  let valueStart = colon + 1;
  while (isBlank(bytes[valueStart])) valueStart += 1;
  let valueEnd = valueStart;
  while (bytes[valueEnd] !== CR && bytes[valueEnd] !== 0) valueEnd += 1;
  if (bytes[valueEnd] === 0 || bytes[valueEnd + 1] !== LF) return new Fault(400, "NUL or CR in a field value");
  line.next = valueEnd + 2;
  while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd -= 1;
  line.start = start;
  line.colon = colon;
  line.valueStart = valueStart;
  line.valueEnd = valueEnd;
  return undefined;
}

/** Branches on the name's length first, so that most lines cost one comparison. */
function readField(line: FieldLine, fields: Fields): Fault | undefined {
  switch (line.colon - line.start) {
    case 4:
      return nameIs(line, "host") ? readHost(line, fields) : undefined;
    case 6:
      if (nameIs(line, "accept")) fields.acceptsHtml = acceptsHtml(line);
      return undefined;
    case 7:
      if (nameIs(line, "upgrade")) fields.upgrades = [...(fields.upgrades ?? []), line.start, line.next];
      else if (nameIs(line, "baggage")) readBaggage(line, fields);
      return undefined;
    case 10:
      if (nameIs(line, "connection")) readConnection(line, fields);
      else if (nameIs(line, "user-agent")) fields.probe = valueBegins(line, PROBE_AGENT);
      return undefined;
    case 11:
      if (nameIs(line, "traceparent")) fields.traceparent ??= valueOf(line);
      else if (nameIs(line, "grpc-status")) fields.grpcStatus = parseGrpcStatus(valueOf(line));
      return undefined;
    case 12:
      if (nameIs(line, "x-request-id")) fields.requestId ??= valueOf(line);
      return undefined;
    case ROUTE_HEADER.length:
      if (nameIs(line, ROUTE_HEADER)) fields.routeAs ??= textOf(line, ROUTES).toLowerCase();
      return undefined;
    case 14:
      if (nameIs(line, "content-length")) return readContentLength(line, fields);
      if (nameIs(line, HOP_HEADER)) {
        fields.routedTo ??= textOf(line, MARKS);
        fields.cuts = [...fields.cuts, line.start, line.next];
      }
      return undefined;
    case 17:
      return nameIs(line, "transfer-encoding") ? readTransferEncoding(line, fields) : undefined;
    default:
      return undefined;
  }
}

/** More than one Host is refused (RFC 9112 §3.2). */
function readHost(line: FieldLine, fields: Fields): Fault | undefined {
  if (fields.host !== undefined) return new Fault(400, "more than one Host");
  fields.host = textOf(line, HOSTS);
  return undefined;
}

/** Several lines are one list (RFC 9110 §5.3). */
function readBaggage(line: FieldLine, fields: Fields): void {
  const value = valueOf(line);
  fields.baggage = fields.baggage === undefined ? value : `${fields.baggage},${value}`;
}

function readConnection(line: FieldLine, fields: Fields): void {
  if (valueIs(line, "keep-alive")) {
    fields.keepAlive = true;
    return;
  }
  for (const token of tokens(line)) {
    if (token === "close") fields.close = true;
    else if (token === "keep-alive") fields.keepAlive = true;
  }
}

/** One number of digits only; a repeated equal line is dropped, a different one refused (RFC 9110 §8.6). */
function readContentLength(line: FieldLine, fields: Fields): Fault | undefined {
  let length = 0;
  for (let i = line.valueStart; i < line.valueEnd; i += 1) {
    const byte = line.bytes[i] ?? 0;
    if (byte < ZERO || byte > NINE) return new Fault(400, "a Content-Length that is no number");
    length = length * 10 + (byte - ZERO);
    if (length > Number.MAX_SAFE_INTEGER) return new Fault(400, "a Content-Length beyond all sizes");
  }
  if (line.valueStart === line.valueEnd) return new Fault(400, "an empty Content-Length");
  if (fields.contentLength >= 0) {
    if (fields.contentLength !== length) return new Fault(400, "two different Content-Lengths");
    fields.cuts = [...fields.cuts, line.start, line.next];
  }
  fields.contentLength = length;
  return undefined;
}

/** `chunked` may stand only once and last (RFC 9112 §6.1). */
function readTransferEncoding(line: FieldLine, fields: Fields): Fault | undefined {
  fields.transferCoded = true;
  for (const token of tokens(line)) {
    if (fields.chunked) return new Fault(400, "a transfer coding behind `chunked`");
    fields.chunked = token === "chunked";
  }
  return undefined;
}

/** Not what `trim()` takes: a vertical tab is part of a member, and makes it another one. */
const BLANKS_AROUND = /^[ \t]+|[ \t]+$/g;

/** The comma-separated members of a value, lower case. */
function tokens(line: FieldLine): readonly string[] {
  const value = valueOf(line).toLowerCase();
  if (!value.includes(",")) return value === "" ? [] : [value];
  return value
    .split(",")
    .map((member) => member.replace(BLANKS_AROUND, ""))
    .filter((member) => member !== "");
}

function valueOf({ bytes, valueStart, valueEnd }: FieldLine): string {
  return bytes.toString("latin1", valueStart, valueEnd);
}

function textOf({ bytes, valueStart, valueEnd }: FieldLine, texts: RepeatedText): string {
  return texts.of(bytes, valueStart, valueEnd);
}

/** Most clients that are no browsers take anything, in fewer bytes than its name has. */
function acceptsHtml(line: FieldLine): boolean {
  return line.valueEnd - line.valueStart >= HTML.length && valueOf(line).includes(HTML);
}

/** `name` is lower case, and as long as the line's. */
function nameIs(line: FieldLine, name: string): boolean {
  return standsAt(line.bytes, line.start, name);
}

/** The whole value, whatever its case: spares a text of those that nearly every message has. */
function valueIs(line: FieldLine, value: string): boolean {
  return line.valueEnd - line.valueStart === value.length && standsAt(line.bytes, line.valueStart, value);
}

/** `text` is lower case; letters of either case match it. */
function standsAt(bytes: Buffer, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const byte = bytes[at + i] ?? 0;
    const lower = byte >= 65 && byte <= 90 ? byte + 32 : byte;
    if (lower !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** Where `HTTP/1.` stands, in upper case as it must be (RFC 9112 §2.3). */
export function isHttp1(bytes: Buffer, at: number): boolean {
  return (
    bytes[at] === 72 &&
    bytes[at + 1] === 84 &&
    bytes[at + 2] === 84 &&
    bytes[at + 3] === 80 &&
    bytes[at + 4] === SLASH &&
    bytes[at + 5] === 49 &&
    bytes[at + 6] === DOT
  );
}

function valueBegins({ bytes, valueStart }: FieldLine, text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (bytes[valueStart + i] !== text.charCodeAt(i)) return false;
  return true;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SP || byte === HTAB;
}

/** 1 for each byte that may stand in a token (RFC 9110 §5.6.2). */
const TOKEN_BYTES: Uint8Array = tokenBytes();

export function isTokenByte(byte: number | undefined): boolean {
  return byte !== undefined && TOKEN_BYTES[byte] === 1;
}

function tokenBytes(): Uint8Array {
  const table = new Uint8Array(256);
  for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    table[char.charCodeAt(0)] = 1;
  return table;
}
