/**
 * Requests on whose end readers have disagreed. `/PATH` stands for a path of the case's own, as long. Behind each text a marker request
 * follows; what a reader makes of it shows where it thinks the message ended.
 */

export interface Case {
  readonly name: string;
  readonly text: string;
}

const HIDDEN = "GET /PATH/hidden HTTP/1.1\r\nHost: x\r\n\r\n";
const CHUNKED = "Transfer-Encoding: chunked";
const HELLO = "5\r\nhello\r\n0\r\n\r\n";
/** A body that is empty when read as chunks, and hides a request in what a length counts. */
const EMPTY_CHUNKS = `0\r\n\r\n${HIDDEN}`;

function post(fields: readonly string[], body: string, version = "HTTP/1.1"): string {
  return `POST /PATH/first ${version}\r\n${["Host: x", ...fields].join("\r\n")}\r\n\r\n${body}`;
}

function get(fields: readonly string[], behind = ""): string {
  return `GET /PATH/first HTTP/1.1\r\n${["Host: x", ...fields].join("\r\n")}\r\n\r\n${behind}`;
}

function length(value: string): string {
  return `Content-Length: ${value}`;
}

function coded(name: string, line: string): Case {
  return { name, text: post([line], HELLO) };
}

/** The same line beside a length, which a reader takes if it does not know the line. */
function codedBesideLength(name: string, line: string): Case {
  return { name: `length, and ${name}`, text: post([length("6"), line], EMPTY_CHUNKS) };
}

const CODINGS: readonly (readonly [name: string, line: string])[] = [
  ["`chunked`", CHUNKED],
  ["`xchunked`", "Transfer-Encoding: xchunked"],
  ["`chunked, identity`", "Transfer-Encoding: chunked, identity"],
  ["`identity, chunked`", "Transfer-Encoding: identity, chunked"],
  ["`identity`", "Transfer-Encoding: identity"],
  ["`chunked` twice in one line", "Transfer-Encoding: chunked, chunked"],
  ["`chunked` in two lines", `${CHUNKED}\r\n${CHUNKED}`],
  ["`chunked` and `x` in two lines", `${CHUNKED}\r\nTransfer-Encoding: x`],
  ["`x` and `chunked` in two lines", `Transfer-Encoding: x\r\n${CHUNKED}`],
  ["a tab before `chunked`", "Transfer-Encoding:\tchunked"],
  ["a vertical tab before `chunked`", "Transfer-Encoding:\vchunked"],
  ["a vertical tab behind `chunked`", "Transfer-Encoding: chunked\v"],
  ["a form feed before `chunked`", "Transfer-Encoding:\fchunked"],
  ["a no-break space before `chunked`", "Transfer-Encoding: \xa0chunked"],
  ["a vertical tab in a list", "Transfer-Encoding: gzip,\vchunked"],
  ["quoted `chunked`", 'Transfer-Encoding: "chunked"'],
  ["`chunked` in single quotes", "Transfer-Encoding: 'chunked'"],
  ["`chunked` with a parameter", "Transfer-Encoding: chunked;q=0.5"],
  ["`Chunked` in another case", "TRANSFER-ENCODING: cHuNkEd"],
  ["an empty coding", "Transfer-Encoding:"],
  ["a comma behind `chunked`", "Transfer-Encoding: chunked,"],
  ["a comma before `chunked`", "Transfer-Encoding: ,chunked"],
  ["a space before the colon", "Transfer-Encoding : chunked"],
  ["a tab before the colon", "Transfer-Encoding\t: chunked"],
  ["a NUL before the colon", "Transfer-Encoding\0: chunked"],
  ["a space before the name", " Transfer-Encoding: chunked"],
  ["a folded value", "Transfer-Encoding:\r\n chunked"],
  ["a folded line before", "X: x\r\n Transfer-Encoding: chunked"],
  ["an underscore in the name", "Transfer_Encoding: chunked"],
  ["a bare LF before", "X: x\nTransfer-Encoding: chunked"],
  ["a bare CR before", "X: x\rTransfer-Encoding: chunked"],
  ["a NUL in the value", "Transfer-Encoding: chunked\0"],
  ["a bare CR behind `chunked`", "Transfer-Encoding: chunked\r"],
  ["named in Connection", `Connection: transfer-encoding\r\n${CHUNKED}`],
];

const LENGTHS: readonly (readonly [name: string, line: string])[] = [
  ["the same length twice", `${length("5")}\r\n${length("5")}`],
  ["two lengths, the longer last", `${length("5")}\r\n${length("40")}`],
  ["two lengths, the shorter last", `${length("40")}\r\n${length("5")}`],
  ["a list of equal lengths", length("5, 5")],
  ["a list of different lengths", length("5, 40")],
  ["a length with a sign", length("+5")],
  ["a negative length", length("-5")],
  ["a length with leading zeros", length("005")],
  ["a hexadecimal length", length("0x5")],
  ["a length with an exponent", length("5e0")],
  ["a length with a fraction", length("5.0")],
  ["a length with an underscore", length("0_5")],
  ["a length in two words", length("5 5")],
  ["an empty length", "Content-Length:"],
  ["a length of words", length("five")],
  ["a length beyond 64 bits", length("18446744073709551621")],
  ["a length beyond 32 bits", length("4294967301")],
  ["a length behind a vertical tab", "Content-Length:\v5"],
  ["a length before a form feed", "Content-Length: 5\f"],
  ["a length in digits of another script", length("\xb2")],
  ["a space before the colon of the length", "Content-Length : 5"],
  ["a space before the name of the length", " Content-Length: 5"],
  ["a folded length", "Content-Length:\r\n 5"],
  ["a NUL in the name of the length", "Content-\0Length: 5"],
  ["an underscore in the name of the length", "Content_Length: 5"],
  ["a length behind a bare LF", "X: x\nContent-Length: 5"],
  ["a length behind a bare CR", "X: x\rContent-Length: 5"],
  ["a length named in Connection", `Connection: content-length\r\n${length("5")}`],
];

const CHUNK_BODIES: readonly (readonly [name: string, body: string])[] = [
  ["a chunk extension", "5;a=b\r\nhello\r\n0\r\n\r\n"],
  ["a chunk extension with a quoted semicolon", '5;a="b;c"\r\nhello\r\n0\r\n\r\n'],
  ["a chunk extension with an open quote", '5;a="\r\nhello\r\n0\r\n\r\n'],
  ["a chunk extension with a bare LF", `5;a\nhello\r\n0\r\n\r\n`],
  ["a chunk extension with a bare CR", "5;a\rb\r\nhello\r\n0\r\n\r\n"],
  ["a chunk extension with NUL", "5;\0\r\nhello\r\n0\r\n\r\n"],
  ["a chunk extension without a name", "5;\r\nhello\r\n0\r\n\r\n"],
  ["an extension of the last chunk", `5\r\nhello\r\n0;x\r\n\r\n`],
  ["a space behind the size", "5 \r\nhello\r\n0\r\n\r\n"],
  ["a tab behind the size", "5\t\r\nhello\r\n0\r\n\r\n"],
  ["a space before the size", " 5\r\nhello\r\n0\r\n\r\n"],
  ["a size with a sign", "+5\r\nhello\r\n0\r\n\r\n"],
  ["a negative size", "-5\r\nhello\r\n0\r\n\r\n"],
  ["a size with a prefix", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["a size with an underscore", "0_5\r\nhello\r\n0\r\n\r\n"],
  ["a size with leading zeros", "0000000005\r\nhello\r\n0\r\n\r\n"],
  ["a size of more than 64 bits", `10000000000000005\r\nhello\r\n0\r\n\r\n`],
  ["a size of 64 bits", `ffffffffffffffff\r\nhello\r\n0\r\n\r\n`],
  ["a size of 32 bits and more", "100000005\r\nhello\r\n0\r\n\r\n"],
  ["an empty size", `\r\nhello\r\n0\r\n\r\n`],
  ["a size that is none", "g\r\nhello\r\n0\r\n\r\n"],
  ["a size behind a vertical tab", "\v5\r\nhello\r\n0\r\n\r\n"],
  ["a size ended by a bare LF", "5\nhello\r\n0\r\n\r\n"],
  ["a size ended by a bare CR", "5\rhello\r\n0\r\n\r\n"],
  ["data longer than its size", "3\r\nhello\r\n0\r\n\r\n"],
  ["data shorter than its size", "7\r\nhello\r\n0\r\n\r\n"],
  ["data ended by a bare LF", "5\r\nhello\n0\r\n\r\n"],
  ["data ended by nothing", "5\r\nhello0\r\n\r\n"],
  ["data ended by two bytes that are no CR LF", `5\r\nhelloXX0\r\n\r\n${HIDDEN}`],
  ["trailers", "5\r\nhello\r\n0\r\nX: y\r\n\r\n"],
  ["a length in the trailers", "5\r\nhello\r\n0\r\nContent-Length: 40\r\n\r\n"],
  ["a coding in the trailers", "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["a host in the trailers", "5\r\nhello\r\n0\r\nHost: y\r\n\r\n"],
  ["a folded trailer", "5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n"],
  ["a trailer that begins with a space", "5\r\nhello\r\n0\r\n X: y\r\n\r\n"],
  ["a trailer without a colon", "5\r\nhello\r\n0\r\nno colon\r\n\r\n"],
  ["a request in the place of trailers", `5\r\nhello\r\n0\r\n${HIDDEN}`],
  ["trailers ended by a bare LF", `5\r\nhello\r\n0\r\nX: y\n\n${HIDDEN}`],
  ["a last chunk ended by bare LFs", `5\r\nhello\r\n0\n\n${HIDDEN}`],
  ["a trailer with a bare CR", "5\r\nhello\r\n0\r\nX: \ry\r\n\r\n"],
  ["a trailer with NUL", "5\r\nhello\r\n0\r\nX: \0\r\n\r\n"],
  ["many zeros as the last chunk", "5\r\nhello\r\n0000000000\r\n\r\n"],
  [
    "a request in the data",
    `2b\r\n${"GET /PATH/hidden HTTP/1.1\r\nHost: x\r\n\r\n".padEnd(43, "x").slice(0, 43)}\r\n0\r\n\r\n`,
  ],
];

const OTHERS: readonly (readonly [name: string, text: string])[] = [
  ["a plain request", get([])],
  ["a length", post([length("5")], "hello")],
  ["two requests at once", get([], "GET /PATH/second HTTP/1.1\r\nHost: x\r\n\r\n")],
  ["a length in GET", get([length("5")], "hello")],
  ["chunks in GET", get([CHUNKED], HELLO)],
  ["a request as the body of GET", get([length(String(HIDDEN.length))], HIDDEN)],
  ["a length in HEAD", `HEAD /PATH/first HTTP/1.1\r\nHost: x\r\n${length("5")}\r\n\r\nhello`],
  ["chunks in HTTP/1.0", post([CHUNKED, "Connection: keep-alive"], HELLO, "HTTP/1.0")],
  ["length and chunks in HTTP/1.0", post([length("6"), CHUNKED, "Connection: keep-alive"], EMPTY_CHUNKS, "HTTP/1.0")],
  ["a length in HTTP/1.0", post([length("5"), "Connection: keep-alive"], "hello", "HTTP/1.0")],
  ["HTTP/1.0 without keep-alive", post([length("5")], "hello", "HTTP/1.0")],
  ["HTTP/1.2", post([length("5")], "hello", "HTTP/1.2")],
  ["HTTP/0.9", `GET /PATH/first\r\n\r\n`],
  ["an unknown version", post([length("5")], "hello", "HTTP/2.0")],
  ["an absolute target", `GET http://x/PATH/first HTTP/1.1\r\nHost: x\r\n\r\n`],
  ["two hosts", get(["Host: y"])],
  ["the same host twice", get(["Host: x"])],
  ["no host", `GET /PATH/first HTTP/1.1\r\n\r\n`],
  ["an empty line before", `\r\n${get([])}`],
  ["two empty lines before", `\r\n\r\n${get([])}`],
  ["a bare LF before", `\n${get([])}`],
  ["an empty line behind the body", `${post([length("5")], "hello")}\r\n`],
  ["bytes behind the body", post([length("5")], "helloworld")],
  ["bare LFs in the whole head", `GET /PATH/first HTTP/1.1\nHost: x\n\n`],
  ["a bare LF behind the request line", `GET /PATH/first HTTP/1.1\nHost: x\r\n\r\n`],
  ["a bare LF at the head's end", `GET /PATH/first HTTP/1.1\r\nHost: x\r\n\n${HIDDEN}`],
  ["a bare CR at the head's end", `GET /PATH/first HTTP/1.1\r\nHost: x\r\r\n${HIDDEN}`],
  ["a bare CR in the request line", `GET /PATH/first HTTP/1.1\rX: y\r\nHost: x\r\n\r\n`],
  ["two spaces in the request line", `GET  /PATH/first HTTP/1.1\r\nHost: x\r\n\r\n`],
  ["a tab in the request line", `GET\t/PATH/first HTTP/1.1\r\nHost: x\r\n\r\n`],
  ["a space behind the version", `GET /PATH/first HTTP/1.1 \r\nHost: x\r\n\r\n`],
  ["a space in the target", `GET /PATH/first HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n`],
  ["NUL in the target", `GET /PATH/first\0 HTTP/1.1\r\nHost: x\r\n\r\n`],
  ["a line without a colon", get(["no colon"])],
  ["a line without a name", get([": x"])],
  ["NUL in a value", get(["X: a\0b"])],
  ["a bare CR in a value", get([`X: a\r${length("5")}`], "hello")],
  ["a request line as a field", get(["X: y", "GET /PATH/hidden HTTP/1.1"])],
  ["a body awaited with 100", post(["Expect: 100-continue", length("5")], "hello")],
  ["chunks awaited with 100", post(["Expect: 100-continue", CHUNKED], HELLO)],
  ["an unknown expectation", post(["Expect: 200-ok", length("5")], "hello")],
  ["an expectation in GET without a body", get(["Expect: 100-continue"])],
  ["a wish to close, and a request behind it", get(["Connection: close"], HIDDEN)],
  ["an upgrade nobody knows", get(["Connection: Upgrade", "Upgrade: nothing"])],
  [
    "an upgrade to HTTP/2",
    get(["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]),
  ],
  ["an upgrade with a body", post(["Connection: Upgrade", "Upgrade: nothing", length("5")], "hello")],
  ["a method of lower case", `post /PATH/first HTTP/1.1\r\nHost: x\r\n${length("5")}\r\n\r\nhello`],
  ["a method nobody knows", `SMUGGLE /PATH/first HTTP/1.1\r\nHost: x\r\n${length("5")}\r\n\r\nhello`],
  ["a method in the place of another", get(["X-HTTP-Method-Override: HEAD"])],
];

export const CORPUS: readonly Case[] = [
  ...OTHERS.map(([name, text]) => ({ name, text })),
  ...LENGTHS.map(([name, line]) => ({ name, text: post([line], "hello") })),
  ...CODINGS.map(([name, line]) => coded(name, line)),
  ...CODINGS.map(([name, line]) => codedBesideLength(name, line)),
  ...CHUNK_BODIES.map(([name, body]) => ({ name, text: post([CHUNKED], body) })),
];
