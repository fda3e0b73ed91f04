import { describe, expect, test } from "bun:test";
import { array, assert, integer, property, string, uint8Array } from "fast-check";
import { OUTPUT_CHUNK_BYTES_MAX, OUTPUT_LINE_BYTES_MAX } from "../../../core/limits.ts";
import { createLineGatherer, createLineSplitter, linesOf, parseOutput, sendOutput } from "../../../core/output.ts";
import { ByteQueue } from "../../../core/wire/byte-queue.ts";
import { messageReader } from "../../../core/wire/messages.ts";

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

describe("createLineGatherer()", () => {
  /** All chunks, when the bytes come in pieces of `size`. */
  function gathered(bytes: Uint8Array, size: number): readonly Uint8Array[] {
    const gatherer = createLineGatherer();
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(...gatherer.push(bytes.subarray(at, at + size)));
    return [...chunks, ...gatherer.end()];
  }

  const shown = (chunks: readonly Uint8Array[]): readonly string[] =>
    chunks.flatMap((bytes) => linesOf({ stream: "stdout", at: 1, bytes }).map(({ text }) => text));

  test("gives what makes the same lines, each chunk by itself, as all the bytes together", () => {
    const lengths = [0, 1, 7, OUTPUT_LINE_BYTES_MAX - 1, OUTPUT_LINE_BYTES_MAX, OUTPUT_LINE_BYTES_MAX + 1, 400_000];
    const line = integer({ min: 0, max: lengths.length - 1 }).map((i) => "x".repeat(lengths[i] ?? 0));
    const sizes = integer({ min: 10_000, max: 500_000 });
    assert(
      property(array(line, { maxLength: 6 }), sizes, (lines, size) => {
        const bytes = encode(lines.join("\n"));
        const chunks = gathered(bytes, size);
        expect(shown(chunks)).toEqual(split(bytes, bytes.length + 1, OUTPUT_LINE_BYTES_MAX));
        expect(Buffer.concat(chunks)).toEqual(Buffer.from(bytes));
        expect(chunks.every((chunk) => chunk.length <= OUTPUT_CHUNK_BYTES_MAX)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test("keeps a line that is begun although the caller uses its buffer again", () => {
    const gatherer = createLineGatherer();
    const buffer = encode("half");
    expect(gatherer.push(buffer)).toEqual([]);
    buffer.fill(0x78);
    expect(shown(gatherer.push(encode(" and half\n")))).toEqual(["half and half"]);
    expect(gatherer.end()).toEqual([]);
  });
});

describe("parseOutput()", () => {
  const body = encode("x\n");

  test("takes what `sendOutput` sent", async () => {
    const queue = new ByteQueue();
    const stream = {
      write: async (bytes: Uint8Array) => queue.push(bytes),
      end: async () => queue.end(),
      read: async () => queue.read(),
      abort: () => queue.end(),
    };
    const chunk = { stream: "stderr", at: 1, bytes: encode("one\n\ntwo\r\nlast") } as const;
    await sendOutput(stream, chunk);
    const message = await messageReader(stream).next();
    expect(message).toBeDefined();
    if (message === undefined) return;
    expect(linesOf(parseOutput(message))).toEqual(
      ["one", "", "two", "last"].map((text) => ({ stream: "stderr", text, at: 1 })),
    );
  });

  test("leaves out what it does not know", () => {
    const head = { stream: "stdout", at: 1 } as const;
    expect(parseOutput({ head: { ...head, more: 1 }, body })).toEqual({ ...head, bytes: body });
  });

  test.each([undefined, {}, { stream: "stdin", at: 1 }, { stream: "stdout", at: "1" }])("refuses %p", (head) => {
    expect(() => parseOutput({ head, body })).toThrow("no output");
  });

  test("refuses a line as other versions send it, in the head", () => {
    const head = { stream: "stdout", text: "x", at: 1 };
    expect(() => parseOutput({ head, body: new Uint8Array() })).toThrow("no output");
  });
});
