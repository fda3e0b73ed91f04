/** Messages as clients, servers and attackers could send them: made of likely and unlikely parts, then damaged. */
import type { Random } from "../chaos/random.ts";

type List = readonly [string, ...string[]];

const METHODS: List = ["GET", "GET", "POST", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "get", "M-SEARCH", "G@T", ""];
const TARGETS: List = ["/", "/", "/a?b=c", "*", "http://x/y", "a:443", "/%00", "/é", "/a b", "", "/\x7f", "//x"];
const VERSIONS: List = [
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.0",
  "HTTP/1.2",
  "HTTP/2.0",
  "http/1.1",
  "HTTP/1.",
  "",
];
const STATUSES: List = [
  "200",
  "200",
  "200",
  "204",
  "304",
  "100",
  "103",
  "101",
  "404",
  "500",
  "205",
  "099",
  "20",
  "2000",
];
const REASONS: List = [" OK", " ", "", " Not Found", "\tOK", " \r", " \0"];
const LINE_ENDS: List = ["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", "\n\r"];
const NAMES: List = [
  "Content-Length",
  "Content-Length",
  "Transfer-Encoding",
  "Transfer-Encoding",
  "Connection",
  "Host",
  "Upgrade",
  "Expect",
  "Trailer",
  "azds-route-as",
  "azds-routed-to",
  "Accept",
  "X",
  "content-length",
  "TRANSFER-ENCODING",
  "Content-Length ",
  " Content-Length",
  "\tTransfer-Encoding",
  "Content_Length",
  "Content-Length\0",
  "Transfer-Encodin",
  "X\xa0",
  "",
];
const COLONS: List = [": ", ": ", ": ", ":", ":\t", " : ", ":  \t", "", ":\v", ":\xa0"];
const CODINGS: List = [
  "chunked",
  "chunked",
  "chunked",
  "Chunked",
  "gzip, chunked",
  "gzip,chunked",
  "chunked, identity",
  "identity",
  "chunked,",
  ",chunked",
  " ,\t, chunked",
  "xchunked",
  "chunkedx",
  '"chunked"',
  "chunked;q=1",
  "\vchunked",
  "gzip,\vchunked",
  "gzip,\xa0chunked",
  "chunked\x0c",
  "chunked chunked",
  "gzip",
  "",
];
const LENGTHS: List = [
  "0",
  "5",
  "5",
  "5",
  "10",
  "005",
  "+5",
  "-5",
  "5,5",
  "5, 5",
  "0x5",
  "5 5",
  "5.0",
  "1e1",
  "",
  "9007199254740991",
];
const LENGTHS_TOO_LONG: List = ["9007199254740992", "99999999999999999999", "18446744073709551621", "4294967301"];
const OPTIONS: List = [
  "close",
  "keep-alive",
  "Close",
  "keep-alive, close",
  "upgrade",
  "x,\vclose",
  "closed",
  "",
  "close\0",
];
const VALUES: List = ["x", "a, b", "", "text/html", "a\0b", "a\rb", "\x01", "é", '"a\\"b"', "100-continue"];
const SIZES: List = [
  "5",
  "5",
  "5",
  "a",
  "A",
  "0",
  "0",
  "005",
  "5 ",
  "5\t",
  " 5",
  "",
  "g",
  "-5",
  "+5",
  "0x5",
  "5_0",
  "ffffffffffffff",
  "1ffffffffffff",
];
const EXTENSIONS: List = ["", "", "", "", ";a", ";a=b", ' ;a="b;c"', ";", ";\0", ";a\rb", ";\xff", " x", ";\n"];
const TRAILERS: List = [
  "X-Sum: 1",
  "Content-Length: 5",
  "Transfer-Encoding: chunked",
  " folded",
  "no colon",
  "X\0: 1",
  "X: \r1",
];
/** Bytes that readers of HTTP have disagreed about. */
const BYTES: List = [
  "\0",
  "\t",
  "\n",
  "\v",
  "\f",
  "\r",
  " ",
  '"',
  ",",
  ":",
  ";",
  "0",
  "5",
  "a",
  "A",
  "\x7f",
  "\x85",
  "\xa0",
  "\xff",
];
const DAMAGES_MAX = 3;

/** One to three requests, one behind the other. */
export function requests(random: Random): string {
  let text = "";
  for (let count = 1 + random.below(3); count > 0; count -= 1) text += requestText(random);
  return random.below(2) === 0 ? text : damaged(random, text);
}

/** Perhaps an interim response, then a final one, and sometimes more than was asked for. */
export function responses(random: Random): string {
  let text = random.below(4) === 0 ? `HTTP/1.1 ${random.pick(["100", "102", "103"])} X\r\nLink: x\r\n\r\n` : "";
  text += responseText(random);
  if (random.below(8) === 0) text += responseText(random);
  return random.below(2) === 0 ? text : damaged(random, text);
}

/** A chunked body, sometimes with more behind it. */
export function chunkedBodies(random: Random): string {
  const text = random.below(4) === 0 ? chunks(random) + chunks(random) : chunks(random);
  return random.below(2) === 0 ? text : damaged(random, text);
}

/** What the response answers. */
export function method(random: Random): string {
  return random.pick(["GET", "GET", "GET", "POST", "HEAD", "CONNECT"]);
}

/** Offsets, ascending, at which the text arrives in pieces: none, a few, around line ends, or everywhere. */
export function cuts(random: Random, text: string): readonly number[] {
  switch (random.below(16)) {
    case 0:
      return Array.from({ length: Math.max(0, text.length - 1) }, (_, index) => index + 1);
    case 1:
    case 2:
      return [];
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
      return boundaryCuts(random, text);
    default:
      return sorted(Array.from({ length: 1 + random.below(3) }, () => random.below(text.length + 1)));
  }
}

function boundaryCuts(random: Random, text: string): readonly number[] {
  const found: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    const boundary = char === "\r" || char === "\n" || char === ":" || char === ";" || char === " ";
    if (boundary && random.below(3) === 0) found.push(at + random.below(2));
  }
  return sorted(found);
}

function sorted(offsets: readonly number[]): readonly number[] {
  return [...new Set(offsets)].toSorted((a, b) => a - b);
}

/** Mostly what is right, now and then anything of the list. */
function mostly(random: Random, right: string, list: List): string {
  return random.below(12) === 0 ? random.pick(list) : right;
}

function requestText(random: Random): string {
  const line = `${mostly(random, random.pick(["GET", "POST", "PUT", "HEAD"]), METHODS)} ${mostly(random, "/", TARGETS)} ${mostly(random, "HTTP/1.1", VERSIONS)}`;
  const emptyLines = random.below(16) === 0 ? "\r\n".repeat(1 + random.below(2)) : "";
  return `${emptyLines}${line}${lineEnd(random)}${fieldsAndBody(random)}`;
}

function responseText(random: Random): string {
  const line = `${mostly(random, "HTTP/1.1", VERSIONS)} ${random.pick(STATUSES)}${mostly(random, " OK", REASONS)}`;
  return `${line}${lineEnd(random)}${fieldsAndBody(random)}`;
}

function fieldsAndBody(random: Random): string {
  let text = mostly(random, "Host: x\r\n", ["", "Host: x\r\nHost: y\r\n", "Host : x\r\n"]);
  for (let count = random.below(4); count > 0; count -= 1) text += fieldLine(random);
  switch (random.below(5)) {
    case 0:
      return `${text}Content-Length: 5\r\n\r\nhello`;
    case 1:
      return `${text}Transfer-Encoding: ${mostly(random, "chunked", CODINGS)}\r\n\r\n${chunks(random)}`;
    case 2:
      return `${text}Content-Length${random.pick(COLONS)}${random.pick(random.below(6) === 0 ? LENGTHS_TOO_LONG : LENGTHS)}\r\n\r\nhello`;
    case 3:
      return `${text}Transfer-Encoding${random.pick(COLONS)}${random.pick(CODINGS)}${lineEnd(random)}\r\n${chunks(random)}`;
    default:
      return `${text}${lineEnd(random)}`;
  }
}

function fieldLine(random: Random): string {
  const name = mostly(random, random.pick(["X", "Connection", "Accept", "azds-routed-to", "azds-route-as"]), NAMES);
  return `${name}${mostly(random, ": ", COLONS)}${valueOf(random, name.trim().toLowerCase())}${lineEnd(random)}`;
}

function valueOf(random: Random, name: string): string {
  if (name === "content-length") return random.pick(LENGTHS);
  if (name === "transfer-encoding") return random.pick(CODINGS);
  if (name === "connection") return random.pick(OPTIONS);
  return mostly(random, "x", VALUES);
}

function chunks(random: Random): string {
  let text = "";
  for (let count = random.below(3); count > 0; count -= 1) {
    const size = mostly(random, random.pick(["5", "005"]), SIZES);
    text += `${size}${mostly(random, "", EXTENSIONS)}${lineEnd(random)}${mostly(random, "hello", ["hell", "hello!", ""])}${lineEnd(random)}`;
  }
  const trailers = random.below(4) === 0 ? `${mostly(random, "X-Sum: 1", TRAILERS)}${lineEnd(random)}` : "";
  return `${text}${mostly(random, "0", SIZES)}${mostly(random, "", EXTENSIONS)}${lineEnd(random)}${trailers}${lineEnd(random)}`;
}

function lineEnd(random: Random): string {
  return random.below(24) === 0 ? random.pick(LINE_ENDS) : "\r\n";
}

function damaged(random: Random, text: string): string {
  let result = text;
  for (let count = 1 + random.below(DAMAGES_MAX); count > 0; count -= 1) result = damagedOnce(random, result);
  return result;
}

function damagedOnce(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const length = random.below(12);
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at) + random.pick(BYTES) + text.slice(at);
    case 1:
      return text.slice(0, at) + random.pick(BYTES) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + text.slice(at + 1);
    case 3:
      return text.slice(0, at) + text.slice(at + length);
    case 4:
      return text.slice(0, at + length) + text.slice(at);
    default:
      return text.slice(0, at);
  }
}
