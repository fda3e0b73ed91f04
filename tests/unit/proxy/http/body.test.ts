import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { BodyScanner, CHUNKED, type Framing, responseFraming, UNTIL_CLOSE } from "../../../../proxy/http/body.ts";
import { ChunkedScanner } from "../../../../proxy/http/chunked.ts";
import { Fault } from "../../../../proxy/http/head.ts";
import { parseResponseHead } from "../../../../proxy/http/response-head.ts";

/** Offset of the end, -1 when broken, -2 when unfinished; fed in pieces that end at `cuts`. */
function scan(text: string, cuts: readonly number[] = []): { readonly end: number; readonly content: string } {
  let content = "";
  const scanner = new ChunkedScanner((bytes) => {
    content += bytes.toString("latin1");
  });
  const bytes = Buffer.from(text, "latin1");
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    const end = scanner.scan(bytes, from, to);
    if (end < 0) return { end, content };
    if (scanner.done) return { end, content };
    from = to;
  }
  return { end: -2, content };
}

describe("ChunkedScanner", () => {
  test("ends behind the trailers", () => {
    const text = "5;a=b\r\nhello\r\nA \r\n0123456789\r\n000\r\nX: y\r\n\r\n";
    expect(scan(`${text}GET /`)).toEqual({ end: text.length, content: "hello0123456789" });
  });

  const broken: readonly (readonly [string, string])[] = [
    ["a size that is none", "g\r\n"],
    ["an empty size", "\r\n"],
    ["a sign", "-5\r\n"],
    ["a prefix", "0x5\r\nhello\r\n"],
    ["a blank before the size", " 5\r\nhello\r\n"],
    ["words behind the size", "5 hello\r\n"],
    ["an immense size", "ffffffffffffffff\r\n"],
    ["a bare line feed behind the size", "5\nhello\r\n"],
    ["a bare line feed in an extension", "5;a\nhello\r\n"],
    ["NUL in an extension", "5;a\0\r\n"],
    ["data longer than its size", "5\r\nhello!\r\n"],
    ["data not ended by CR LF", "5\r\nhello\n0\r\n"],
    ["a bare line feed in the trailers", "0\r\nX: y\n\r\n"],
    ["a bare line feed behind the last chunk", "0\r\n\n"],
    ["an endless extension", `5;${"a".repeat(5000)}`],
    ["endless trailers", `0\r\n${"X: y\r\n".repeat(20_000)}`],
  ];
  for (const [name, text] of broken) test(`refuses ${name}`, () => expect(scan(text).end).toBe(-1));

  test("gives the same however the bytes are split", () => {
    const piece = fc.constantFrom(
      "5\r\nhello\r\n",
      "0\r\n\r\n",
      "a;x=y\r\n0123456789\r\n",
      "0\r\nX: y\r\n\r\n",
      "\n",
      "5\n",
      "zz",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.array(fc.nat(60), { maxLength: 6 }), (pieces, positions) => {
        const text = pieces.join("");
        const cuts = positions.filter((position) => position <= text.length).toSorted((a, b) => a - b);
        const [whole, split, bytewise] = [
          scan(text),
          scan(text, cuts),
          scan(
            text,
            Array.from({ length: text.length }, (_, i) => i),
          ),
        ];
        expect([split.end, bytewise.end]).toEqual([whole.end, whole.end]);
        if (whole.end !== -1) expect([split.content, bytewise.content]).toEqual([whole.content, whole.content]);
      }),
    );
  });
});

function framing(text: string, method = "GET"): Framing {
  const head = parseResponseHead(Buffer.from(`HTTP/1.1 ${text}\r\n\r\n`), 0);
  if (head === undefined || head instanceof Fault) throw new Error("Refused");
  return responseFraming(head, method);
}

describe("responseFraming()", () => {
  test("is nothing for HEAD, 204, 304 and length 0", () => {
    for (const text of [
      "204 X\r\nContent-Length: 5",
      "304 X\r\nTransfer-Encoding: chunked",
      "200 X\r\nContent-Length: 0",
    ])
      expect(framing(text)).toBe(0);
    expect(framing("200 X\r\nContent-Length: 5", "HEAD")).toBe(0);
  });

  test("is the length, the chunks, or the connection's end", () => {
    expect(framing("200 X\r\nContent-Length: 5")).toBe(5);
    expect(framing("200 X\r\nTransfer-Encoding: chunked")).toBe(CHUNKED);
    expect(framing("200 X\r\nTransfer-Encoding: gzip")).toBe(UNTIL_CLOSE);
    expect(framing("200 X")).toBe(UNTIL_CLOSE);
  });
});

describe("BodyScanner", () => {
  test("stops at the announced length", () => {
    const body = new BodyScanner(5);
    expect(body.scan(Buffer.from("hel"), 0, 3)).toBe(3);
    expect(body.done).toBeFalse();
    expect(body.scan(Buffer.from("loGET"), 0, 5)).toBe(2);
    expect(body.done).toBeTrue();
  });

  test("never ends by itself where the connection's end is the body's", () => {
    const body = new BodyScanner(UNTIL_CLOSE);
    expect([body.scan(Buffer.alloc(9), 0, 9), body.done, body.untilClose]).toEqual([9, false, true]);
  });
});
