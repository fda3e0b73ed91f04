import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { Fault } from "../../../../proxy/http/head.ts";
import { composeRequest, type RequestEdit } from "../../../../proxy/http/request-edit.ts";
import { authorityOf, closesAfter, parseRequestHead, type RequestHead } from "../../../../proxy/http/request-head.ts";
import { parseResponseHead } from "../../../../proxy/http/response-head.ts";

function request(...lines: readonly string[]): RequestHead | Fault | undefined {
  return parseRequestHead(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), 0);
}

function valid(...lines: readonly string[]): RequestHead {
  const head = request(...lines);
  if (head === undefined || head instanceof Fault) throw new Error(`Refused: ${head?.reason}`);
  return head;
}

function faultOf(head: unknown): number | undefined {
  return head instanceof Fault ? head.status : undefined;
}

describe("parseRequestHead()", () => {
  test("reads method, target and version", () => {
    expect(valid("GET /a?b HTTP/1.1", "Host: x")).toMatchObject({ method: "GET", target: "/a?b", http10: false });
    expect(valid("GET / HTTP/1.0").http10).toBeTrue();
  });

  test("skips empty lines before the request", () => {
    expect(valid("", "", "GET / HTTP/1.1")).toMatchObject({ start: 4, method: "GET" });
  });

  test("reads the fields a proxy needs, in any case and with blanks around", () => {
    const { fields } = valid(
      "POST / HTTP/1.1",
      "hOsT:\t x:80 ",
      "AZDS-Route-As: Alice",
      "CONNECTION: Upgrade , close",
      "Upgrade: websocket",
      "content-LENGTH: 0012",
    );
    expect(fields).toMatchObject({ host: "x:80", routeAs: "alice", close: true, contentLength: 12 });
  });

  test("reads chunked as the last of several codings", () => {
    expect(valid("POST / HTTP/1.1", "Transfer-Encoding: gzip", "Transfer-Encoding: Chunked").fields.chunked).toBeTrue();
  });

  test("takes no upgrade of a request with a body", () => {
    const lines = ["Host: x", "Upgrade: a", "azds-routed-to: dev/web", "upgrade: b", "Content-Length: 5"];
    const text = `POST / HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\nhello`;
    const head = parseRequestHead(Buffer.from(text), 0);
    if (head === undefined || head instanceof Fault) throw new Error("Refused");
    const passed = composeRequest({ bytes: Buffer.from(text), head, end: text.length }, {}).toString();
    expect(passed).toBe("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  });

  const refused: readonly (readonly [string, readonly string[]])[] = [
    ["Content-Length beside Transfer-Encoding", ["POST / HTTP/1.1", "Content-Length: 3", "Transfer-Encoding: chunked"]],
    ["two different Content-Lengths", ["POST / HTTP/1.1", "Content-Length: 3", "Content-Length: 4"]],
    ["a list as Content-Length", ["POST / HTTP/1.1", "Content-Length: 3, 3"]],
    ["a signed Content-Length", ["POST / HTTP/1.1", "Content-Length: +3"]],
    ["a hexadecimal Content-Length", ["POST / HTTP/1.1", "Content-Length: 0x3"]],
    ["an empty Content-Length", ["POST / HTTP/1.1", "Content-Length:"]],
    ["an immense Content-Length", ["POST / HTTP/1.1", "Content-Length: 99999999999999999999"]],
    ["a coding behind chunked", ["POST / HTTP/1.1", "Transfer-Encoding: chunked, gzip"]],
    ["chunked twice", ["POST / HTTP/1.1", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]],
    ["a coding that is only like chunked", ["POST / HTTP/1.1", "Transfer-Encoding: xchunked"]],
    ["a quoted chunked", ["POST / HTTP/1.1", 'Transfer-Encoding: "chunked"']],
    ["Transfer-Encoding in HTTP/1.0", ["POST / HTTP/1.0", "Transfer-Encoding: chunked"]],
    ["a folded line", ["GET / HTTP/1.1", "X: a", " b"]],
    ["a blank before the colon", ["GET / HTTP/1.1", "Content-Length : 3"]],
    ["a line without colon", ["GET / HTTP/1.1", "Host"]],
    ["an empty name", ["GET / HTTP/1.1", ": x"]],
    ["NUL in a value", ["GET / HTTP/1.1", "X: a\0b"]],
    ["CR in a value", ["GET / HTTP/1.1", "X: a\rb"]],
    ["two Hosts", ["GET / HTTP/1.1", "Host: a", "Host: a"]],
    ["two blanks in the request line", ["GET  / HTTP/1.1"]],
    ["a blank in the target", ["GET /a b HTTP/1.1"]],
    ["no target", ["GET HTTP/1.1"]],
    ["another version", ["GET / HTTP/2.0"]],
    ["a method that is no token", ["G(T / HTTP/1.1"]],
  ];
  for (const [name, lines] of refused) test(`refuses ${name}`, () => expect(faultOf(request(...lines))).toBe(400));

  test("refuses a bare line feed anywhere", () => {
    expect(faultOf(parseRequestHead(Buffer.from("GET / HTTP/1.1\nHost: x\r\n\r\n"), 0))).toBe(400);
    expect(faultOf(parseRequestHead(Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\n"), 0))).toBe(400);
  });

  test("answers 414 to a request line beyond the limit and 431 to a head beyond it", () => {
    const long = "a".repeat(70_000);
    expect(faultOf(parseRequestHead(Buffer.from(`GET /${long}`), 0))).toBe(414);
    expect(faultOf(request(`GET /${long} HTTP/1.1`))).toBe(414);
    expect(faultOf(parseRequestHead(Buffer.from(`GET / HTTP/1.1\r\nX: ${long}`), 0))).toBe(431);
    expect(faultOf(request("GET / HTTP/1.1", `X: ${long}`))).toBe(431);
  });

  test("is incomplete at every byte but the last", () => {
    const bytes = Buffer.from("\r\nGET / HTTP/1.1\r\nHost: x\r\nAzds-Route-As: a\r\n\r\n");
    for (let end = 0; end < bytes.length; end += 1) expect(parseRequestHead(bytes.subarray(0, end), 0)).toBeUndefined();
    expect(parseRequestHead(bytes, 0)).toMatchObject({ end: bytes.length });
  });

  test("never throws, and never reads beyond the head", () => {
    const piece = fc.constantFrom(
      "GET / HTTP/1.1",
      "\r\n",
      "\n",
      "\r",
      ":",
      " ",
      "Host",
      "Content-Length",
      "5",
      "Transfer-Encoding",
      "chunked",
      "\0",
      "azds-routed-to: a/b",
      "é",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const bytes = Buffer.from(pieces.join(""), "latin1");
        const head = parseRequestHead(bytes, 0);
        if (head !== undefined && !(head instanceof Fault))
          expect(bytes.toString("latin1", head.end - 4, head.end)).toBe("\r\n\r\n");
      }),
    );
  });
});

describe("authorityOf()", () => {
  test("takes an absolute target before Host", () => {
    expect(authorityOf(valid("GET http://u@a.b:1/c HTTP/1.1", "Host: x"))).toBe("a.b:1");
    expect(authorityOf(valid("GET /http://a/ HTTP/1.1", "Host: x"))).toBe("x");
    expect(authorityOf(valid("OPTIONS * HTTP/1.1", "Host: x"))).toBe("x");
    expect(authorityOf(valid("CONNECT a:443 HTTP/1.1", "Host: x"))).toBe("a:443");
  });
});

describe("closesAfter()", () => {
  test("follows Connection and version", () => {
    expect(closesAfter(valid("GET / HTTP/1.1"))).toBeFalse();
    expect(closesAfter(valid("GET / HTTP/1.1", "Connection: Close"))).toBeTrue();
    expect(closesAfter(valid("GET / HTTP/1.0"))).toBeTrue();
    expect(closesAfter(valid("GET / HTTP/1.0", "Connection: keep-alive"))).toBeFalse();
  });
});

function compose(text: string, edit: RequestEdit): string {
  const bytes = Buffer.from(text);
  const head = parseRequestHead(bytes, 0);
  if (head === undefined || head instanceof Fault) throw new Error("Refused");
  return composeRequest({ bytes, head, end: bytes.length }, edit).toString();
}

describe("composeRequest()", () => {
  test("passes an unchanged request as the same memory", () => {
    const bytes = Buffer.from("GET / HTTP/1.1\r\n\r\n");
    const head = parseRequestHead(bytes, 0);
    if (head === undefined || head instanceof Fault) throw new Error("Refused");
    expect(composeRequest({ bytes, head, end: bytes.length }, {}).buffer).toBe(bytes.buffer);
  });

  test("strips hop marks and repeated lengths, wherever they stand", () => {
    const text =
      "POST / HTTP/1.1\r\nAZDS-Routed-To: a/b\r\nContent-Length: 2\r\nX: y\r\ncontent-length: 2\r\nazds-routed-to: c/d\r\n\r\nhi";
    expect(compose(text, {})).toBe("POST / HTTP/1.1\r\nContent-Length: 2\r\nX: y\r\n\r\nhi");
  });

  test("adds header and mark behind the other fields", () => {
    expect(compose("GET / HTTP/1.1\r\nHost: x\r\n\r\nbody", { routeAs: "alice", mark: "alice/web" })).toBe(
      "GET / HTTP/1.1\r\nHost: x\r\nazds-route-as: alice\r\nazds-routed-to: alice/web\r\n\r\nbody",
    );
  });
});

function parse(text: string): ReturnType<typeof parseResponseHead> {
  return parseResponseHead(Buffer.from(text), 0);
}

describe("parseResponseHead()", () => {
  test("reads status, version and an absent reason", () => {
    expect(parse("HTTP/1.1 204\r\n\r\n")).toMatchObject({ status: 204, http10: false, end: 16 });
    expect(parse("HTTP/1.0 200 OK\r\n\r\n")).toMatchObject({ status: 200, http10: true });
  });

  test("refuses what is no status line, and contradictory framing", () => {
    for (const text of [
      "HTTP/2 200 OK\r\n\r\n",
      "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 2000\r\n\r\n",
      "ICY 200 OK\r\n\r\n",
      "HTTP/1.1 099 X\r\n\r\n",
    ])
      expect(parse(text)).toBeInstanceOf(Fault);
    expect(parse("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")).toBeInstanceOf(Fault);
  });
});
