/** Whatever is written is read again, however it is cut and whoever compressed it. */
import { expect, test } from "bun:test";
import { assert, array, constantFrom, integer, property, record, string, uint8Array } from "fast-check";
import { Field, type Indexing } from "../../../../proxy/http2/field.ts";
import { FLAG, FRAME, frame, settingsFrame } from "../../../../proxy/http2/frame.ts";
import { type FrameHandler, FrameReader } from "../../../../proxy/http2/frame-reader.ts";
import { HpackDecoder } from "../../../../proxy/http2/hpack-decoder.ts";
import { HpackEncoder } from "../../../../proxy/http2/hpack-encoder.ts";

const RUNS = { seed: 1, numRuns: 300 } as const;
const indexing = constantFrom<Indexing[]>("incremental", "none", "never");
const name = constantFrom(":path", "cookie", "x-long-name-of-a-field", "grpc-status", "a", "b", "c");
const field = record({ name, value: string({ unit: "binary-ascii", maxLength: 300 }), indexing });

test("HpackDecoder reads what HpackEncoder wrote, over changing tables", () => {
  const connections = array(
    record({
      fields: array(field, { maxLength: 12 }),
      repeat: integer({ min: 1, max: 3 }),
      table: integer({ min: 0, max: 4_096 }),
    }),
    { minLength: 1, maxLength: 30 },
  );
  assert(
    property(connections, (blocks) => {
      const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()];
      for (const { fields, repeat, table } of blocks) {
        const list = fields.map((each) => new Field(each.name, each.value, each.indexing));
        if (table % 5 === 0) encoder.limitTable(table);
        for (let i = 0; i < repeat; i += 1) {
          const bytes = Buffer.alloc(HpackEncoder.bytesMax(list));
          const read = decoder.decode(bytes.subarray(0, encoder.encode(list, bytes, 0)));
          expect(read?.fields.map((each) => [each.name, each.value])).toEqual(
            list.map((each) => [each.name, each.value]),
          );
        }
      }
    }),
    RUNS,
  );
});

test("HpackDecoder answers any bytes with fields or a refusal, within its bounds", () => {
  assert(
    property(array(uint8Array({ maxLength: 200 }), { maxLength: 10 }), (blocks) => {
      const decoder = new HpackDecoder();
      for (const bytes of blocks) if (decoder.decode(Buffer.from(bytes)) === undefined) return;
    }),
    RUNS,
  );
});

/** Calls of a reader as text, one a frame. */
function recorder(): { readonly calls: string[]; readonly handler: FrameHandler } {
  const calls: string[] = [];
  const note =
    (what: string) =>
    (...values: readonly unknown[]): void => {
      calls.push(
        `${what} ${values.map((value) => (Buffer.isBuffer(value) ? value.toString("hex") : JSON.stringify(value))).join(" ")}`,
      );
    };
  const handler: FrameHandler = {
    // The nine bytes in front are room for a head.
    dataFrame: (id, { bytes, from, to }, info) => note("data")(id, bytes.subarray(from + 9, to), info),
    headerBlock: (id, { bytes, from, to }, end) => note("headers")(id, bytes.subarray(from, to), end),
    resetFrame: note("reset"),
    settings: note("settings"),
    ping: note("ping"),
    goAway: note("goAway"),
    windowUpdate: note("windowUpdate"),
    idleFrame: note("idle"),
    failStream: note("failStream"),
    fail: note("fail"),
  };
  return { calls, handler };
}

test("FrameReader reads the same frames wherever the bytes are cut", () => {
  const flags = constantFrom(
    0,
    FLAG.endStream,
    FLAG.endHeaders,
    FLAG.padded,
    FLAG.padded | FLAG.priority | FLAG.endHeaders,
  );
  const frames = array(
    record({
      type: integer({ min: 0, max: 10 }),
      flags,
      id: integer({ min: 0, max: 5 }),
      payload: uint8Array({ maxLength: 40 }),
    }),
    { maxLength: 20 },
  );
  assert(
    property(frames, array(integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 10 }), (list, cuts) => {
      const bytes = Buffer.concat([
        settingsFrame([]),
        ...list.map(({ payload, ...head }) => frame(head, Buffer.from(payload))),
        frame({ type: FRAME.ping, flags: 0, id: 0 }, Buffer.alloc(8)),
      ]);
      const run = (sizes: readonly number[]): readonly string[] => {
        const { calls, handler } = recorder();
        const reader: FrameReader = new FrameReader(
          { ...handler, fail: (code, reason) => (handler.fail(code, reason), reader.stop()) },
          false,
        );
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          // Copied: what has been read may be written over.
          reader.read(Buffer.from(bytes.subarray(at, at + size)));
          at += size;
        }
        return calls;
      };
      expect(run(cuts)).toEqual(run([bytes.length]));
    }),
    RUNS,
  );
});
