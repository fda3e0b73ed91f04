import { describe, expect, test } from "bun:test";
import { array, assert, integer, property, string, uint8Array } from "fast-check";
import { createLineSplitter, parseOutputLine } from "../../../core/output.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function plain(text: string): string {
  return text.replaceAll(/[\r\n]/g, "");
}

/** All lines of `bytes` when they come in pieces of `size` bytes. */
function split(bytes: Uint8Array, size: number, bytesMax = 1_000): readonly string[] {
  const splitter = createLineSplitter(bytesMax);
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += size) lines.push(...splitter.push(bytes.subarray(at, at + size)));
  return [...lines, ...splitter.end()];
}

describe("createLineSplitter()", () => {
  test("knows LF and CRLF, and keeps empty lines", () => {
    expect(split(encode("a\r\n\nb\nc"), 2)).toEqual(["a", "", "b", "c"]);
  });

  test("gives the same lines however the bytes are cut", () => {
    const texts = array(string({ unit: "grapheme" }), { maxLength: 8 });
    assert(
      property(texts, integer({ min: 1, max: 9 }), (lines, size) => {
        const clean = lines.map(plain);
        expect(split(encode(clean.map((line) => `${line}\n`).join("")), size)).toEqual(clean);
      }),
    );
  });

  test("never gives a line beyond its bound, and loses no byte", () => {
    assert(
      property(uint8Array({ max: 127 }), integer({ min: 1, max: 20 }), (bytes, bytesMax) => {
        const lines = split(bytes, 7, bytesMax);
        expect(lines.every((line) => line.length <= bytesMax)).toBe(true);
        expect(plain(lines.join(""))).toBe(plain(new TextDecoder().decode(bytes)));
      }),
    );
  });

  test("keeps what it was given although the caller uses its buffer again", () => {
    const splitter = createLineSplitter(100);
    const buffer = encode("half");
    splitter.push(buffer);
    buffer.fill(0x78);
    expect(splitter.push(encode(" and half\n"))).toEqual(["half and half"]);
  });
});

describe("parseOutputLine()", () => {
  test("takes a line and leaves out what it does not know", () => {
    const line = { stream: "stderr", text: "x", at: 1 } as const;
    expect(parseOutputLine({ ...line, more: 1 })).toEqual(line);
  });

  test.each([undefined, {}, { stream: "stdin", text: "x", at: 1 }, { stream: "stdout", text: 1, at: 1 }])(
    "refuses %p",
    (value) => {
      expect(() => parseOutputLine(value)).toThrow("no line of output");
    },
  );
});
