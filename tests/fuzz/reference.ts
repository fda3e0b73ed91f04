/**
 * HTTP/1.x as RFC 9112 describes it, read the slow and obvious way: the whole text at once, regular expressions made of
 * its grammar. Text is Latin-1, one character a byte. Bounds of sizes are not looked at.
 *
 * What is tolerated beyond the grammar: any byte but controls, space and DEL in a target; any byte but NUL, CR and LF in
 * reasons, field values and chunk extensions; trailers that are no field lines.
 */

export type Refused = "refused";
export type Incomplete = "incomplete";

export interface RequestText {
  readonly method: string;
  readonly target: string;
  readonly http10: boolean;
  readonly framing: FramingText;
  readonly closes: boolean;
  readonly host: string | undefined;
  /** Behind the head. */
  readonly end: number;
}

export interface ResponseText {
  readonly status: number;
  readonly http10: boolean;
  readonly framing: FramingText;
  readonly closes: boolean;
  readonly end: number;
}

/** `undetermined`: neither a length nor a coding that shows its end. */
export type FramingText = "none" | "chunked" | "undetermined" | number;

export interface BodyText {
  readonly content: string;
  readonly end: number;
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([^\\x00-\\x20\\x7f]+) HTTP/1\\.([0-9])$`);
const STATUS_LINE = /^HTTP\/1\.([0-9]) ([1-9][0-9][0-9])(?: [^\0\r\n]*)?$/;
const FIELD_LINE = new RegExp(`^(${TOKEN}):([^\\x00\\r\\n]*)$`);

/** §2.1, §3: `start` is where reading begins. */
export function readRequest(text: string, start: number): RequestText | Refused | Incomplete {
  const [emptyLines = ""] = /^(?:\r\n)*/.exec(text.slice(start)) ?? [];
  const head = headLines(text, start + emptyLines.length);
  if (typeof head === "string") return head;
  const [line = "", ...rest] = head.lines;
  const [, method, target, minor] = REQUEST_LINE.exec(line) ?? [];
  const fields = readFields(rest);
  if (method === undefined || target === undefined || fields === "refused") return "refused";
  const http10 = minor === "0";
  const framing = framingOf(fields);
  if (framing === "refused") return "refused";
  // §6.1: no Transfer-Encoding in HTTP/1.0; §6.3: a request's final coding is chunked, or its end is unknown.
  const coded = fields.some(([name]) => name === "transfer-encoding");
  if (coded && (http10 || framing !== "chunked")) return "refused";
  return {
    method,
    target,
    http10,
    framing: framing === "undetermined" ? "none" : framing,
    closes: closes(http10, fields),
    host: fields.find(([name]) => name === "host")?.[1],
    end: head.end,
  };
}

/** §4. */
export function readResponse(text: string, start: number): ResponseText | Refused | Incomplete {
  const head = headLines(text, start);
  if (typeof head === "string") return head;
  const [line = "", ...rest] = head.lines;
  const [, minor, status] = STATUS_LINE.exec(line) ?? [];
  const fields = readFields(rest);
  if (status === undefined || fields === "refused") return "refused";
  const framing = framingOf(fields);
  if (framing === "refused") return "refused";
  const http10 = minor === "0";
  // §6.1: the framing of an HTTP/1.0 message with Transfer-Encoding is faulty; nothing may follow it.
  const faulty = http10 && fields.some(([name]) => name === "transfer-encoding");
  return { status: Number(status), http10, framing, closes: faulty || closes(http10, fields), end: head.end };
}

/** §6.3, of a final response. */
export function responseBodyFraming(response: ResponseText, method: string): FramingText {
  return method === "HEAD" || response.status === 204 || response.status === 304 ? "none" : response.framing;
}

/** §6.2, §7.1: the body that begins at `start`. */
export function readBody(text: string, start: number, framing: FramingText): BodyText | Refused | Incomplete {
  if (framing === "none") return { content: "", end: start };
  if (framing === "undetermined") return "incomplete";
  if (framing === "chunked") return readChunks(text, start);
  if (text.length - start < framing) return "incomplete";
  return { content: text.slice(start, start + framing), end: start + framing };
}

/** Every line ends with CR LF; an empty one ends the head. */
function headLines(
  text: string,
  start: number,
): { readonly lines: readonly string[]; readonly end: number } | Refused | Incomplete {
  const lines: string[] = [];
  let at = start;
  for (;;) {
    const lf = text.indexOf("\n", at);
    if (lf < 0) return "incomplete";
    const line = text.slice(at, lf);
    if (!line.endsWith("\r")) return "refused";
    at = lf + 1;
    if (line === "\r") return { lines, end: at };
    lines.push(line.slice(0, -1));
  }
}

type FieldText = readonly [name: string, value: string];

/** §5: names are tokens right before the colon; no folding, no bare CR, no NUL. At most one Host (§3.2). */
function readFields(lines: readonly string[]): readonly FieldText[] | Refused {
  const fields: FieldText[] = [];
  for (const line of lines) {
    const [, name, value] = FIELD_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) return "refused";
    fields.push([name.toLowerCase(), trimmed(value)]);
  }
  return fields.filter(([name]) => name === "host").length > 1 ? "refused" : fields;
}

/** §6.3. */
function framingOf(fields: readonly FieldText[]): FramingText | Refused {
  const codings = membersOf(fields, "transfer-encoding");
  const coded = fields.some(([name]) => name === "transfer-encoding");
  const lengths = fields.filter(([name]) => name === "content-length").map(([, value]) => value);
  if (!lengths.every((length) => /^[0-9]+$/.test(length))) return "refused";
  const numbers = new Set(lengths.map((length) => BigInt(length)));
  if (numbers.size > 1 || [...numbers].some((number) => number > BigInt(Number.MAX_SAFE_INTEGER))) return "refused";
  if (coded && lengths.length > 0) return "refused";
  if (codings.slice(0, -1).includes("chunked")) return "refused";
  if (codings.at(-1) === "chunked") return "chunked";
  if (lengths[0] === undefined) return "undetermined";
  return Number(lengths[0]) === 0 ? "none" : Number(lengths[0]);
}

/** §9.3. */
function closes(http10: boolean, fields: readonly FieldText[]): boolean {
  const options = membersOf(fields, "connection");
  return options.includes("close") || (http10 && !options.includes("keep-alive"));
}

/** RFC 9110 §5.6.1: comma-separated, of all lines of that name. */
function membersOf(fields: readonly FieldText[], wanted: string): readonly string[] {
  return fields
    .filter(([name]) => name === wanted)
    .flatMap(([, value]) => value.split(","))
    .map((member) => trimmed(member).toLowerCase())
    .filter((member) => member !== "");
}

function trimmed(value: string): string {
  return value.replace(/^[ \t]+/, "").replace(/[ \t]+$/, "");
}

const SIZE_LINE = /^([0-9A-Fa-f]{1,13})[ \t]*(?:;[^\0\r\n]*)?\r\n/;
const SIZE_LINE_BEGUN = /^(?:[0-9A-Fa-f]{0,13}|[0-9A-Fa-f]{1,13}[ \t]*(?:;[^\0\r\n]*)?\r?)$/;
const TRAILER_LINE = /^([^\0\r\n]*)\r\n/;
const TRAILER_LINE_BEGUN = /^[^\0\r\n]*\r?$/;

function readChunks(text: string, start: number): BodyText | Refused | Incomplete {
  let content = "";
  let at = start;
  for (;;) {
    const [line, digits = ""] = SIZE_LINE.exec(text.slice(at)) ?? [];
    if (line === undefined) return SIZE_LINE_BEGUN.test(text.slice(at)) ? "incomplete" : "refused";
    at += line.length;
    const size = Number.parseInt(digits, 16);
    if (size === 0) return readTrailers(text, at, content);
    const data = text.slice(at, at + size);
    const behind = text.slice(at + size, at + size + 2);
    if (data.length === size && !"\r\n".startsWith(behind)) return "refused";
    if (data.length < size || behind !== "\r\n") return "incomplete";
    content += data;
    at += size + 2;
  }
}

function readTrailers(text: string, start: number, content: string): BodyText | Refused | Incomplete {
  let at = start;
  for (;;) {
    const [line, trailer] = TRAILER_LINE.exec(text.slice(at)) ?? [];
    if (line === undefined) return TRAILER_LINE_BEGUN.test(text.slice(at)) ? "incomplete" : "refused";
    at += line.length;
    if (trailer === "") return { content, end: at };
  }
}
