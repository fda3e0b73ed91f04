import { describe, expect, test } from "bun:test";
import { Field } from "../../../../proxy/http2/field.ts";
import { HpackDecoder } from "../../../../proxy/http2/hpack-decoder.ts";
import { HpackEncoder } from "../../../../proxy/http2/hpack-encoder.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

function lines(decoder: HpackDecoder, block: Buffer): readonly string[] | undefined {
  return decoder.decode(block)?.fields.map(({ name, value }) => `${name}: ${value}`);
}

describe("HpackDecoder reads the examples of RFC 7541", () => {
  const REQUESTS = [
    [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
    [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
    [":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"],
  ];

  test("C.3, requests without Huffman coding", () => {
    const decoder = new HpackDecoder();
    const blocks = [
      "828684410f7777772e6578616d706c652e636f6d",
      "828684be58086e6f2d6361636865",
      "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ];
    expect(blocks.map((block) => lines(decoder, hex(block)))).toEqual(REQUESTS);
  });

  test("C.4, requests with Huffman coding", () => {
    const decoder = new HpackDecoder();
    const blocks = [
      "828684418cf1e3c2e5f23a6ba0ab90f4ff",
      "828684be5886a8eb10649cbf",
      "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ];
    expect(blocks.map((block) => lines(decoder, hex(block)))).toEqual(REQUESTS);
  });

  test("C.6, a response with Huffman coding", () => {
    expect(
      lines(
        new HpackDecoder(),
        hex(
          "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
        ),
      ),
    ).toEqual([
      ":status: 302",
      "cache-control: private",
      "date: Mon, 21 Oct 2013 20:13:21 GMT",
      "location: https://www.example.com",
    ]);
  });
});

describe("HpackDecoder refuses", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["index 0", "80"],
    ["an index beyond the table", "be"],
    ["a size update behind a field", "8220"],
    ["a size update beyond the setting", "3fe21f"],
    ["an integer that does not end", "ffffffffffffffffff"],
    ["a text beyond the block", "00027878"],
    ["Huffman padding of more than seven bits", "0085f2b24a84ff8449509fff"],
    ["Huffman padding that is not EOS", "0085f2b24a84ff83494a90"],
    ["EOS within a text", "0085f2b24a87fffffffa849509ff"],
  ];
  for (const [what, block] of cases)
    test(what, () => {
      expect(new HpackDecoder().decode(hex(block))).toBeUndefined();
    });
});

describe("HpackEncoder", () => {
  const encode = (encoder: HpackEncoder, fields: readonly Field[]): Buffer => {
    const bytes = Buffer.alloc(HpackEncoder.bytesMax(fields));
    return bytes.subarray(0, encoder.encode(fields, bytes, 0));
  };

  test("writes a field that it has written before as one byte", () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()];
    const fields = [new Field(":path", "/a"), new Field("x", "y")];
    expect(lines(decoder, encode(encoder, fields))).toEqual([":path: /a", "x: y"]);
    expect(encode(encoder, fields)).toHaveLength(2);
    expect(lines(decoder, encode(encoder, fields))).toEqual([":path: /a", "x: y"]);
  });

  test("keeps a field that is never to be indexed out of the table", () => {
    const encoder = new HpackEncoder();
    const secret = new Field("authorization", "secret", "never");
    const first = encode(encoder, [secret]);
    expect((first[0] ?? 0) & 0xf0).toBe(0x10);
    expect(encode(encoder, [secret])).toEqual(first);
  });

  test("announces a smaller table of the peer's", () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()];
    const fields = [new Field("x", "y")];
    lines(decoder, encode(encoder, fields));
    encoder.limitTable(0);
    encoder.limitTable(8192);
    const block = encode(encoder, fields);
    expect(block.subarray(0, 1).toString("hex")).toBe("20");
    expect(lines(decoder, block)).toEqual(["x: y"]);
  });

  test("agrees with the decoder over evictions", () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()];
    const fields = Array.from({ length: 300 }, (_, i) => new Field(`name-${i % 170}`, "v".repeat(i % 60)));
    for (let round = 0; round < 40; round += 1) {
      const some = fields.filter((_, i) => (i * 7 + round * 13) % 11 < 3);
      expect(lines(decoder, encode(encoder, some))).toEqual(some.map(({ name, value }) => `${name}: ${value}`));
    }
  });
});

test("HpackDecoder reads a block that only adds to the table the same again, and adds each time", () => {
  const decoder = new HpackDecoder();
  // `:status: 200` of the static table, `date` and `server` as literals that are added.
  const repeated = hex("88 61 03 6e6f77 76 01 78");
  const first = decoder.decode(repeated);
  expect(decoder.decode(Buffer.concat([hex("00"), repeated]), 1)).toBe(first);
  expect(decoder.decode(repeated)).toBe(first);
  expect(lines(decoder, hex("40 01 61 01 62"))).toEqual(["a: b"]);
  expect(lines(decoder, hex("be bf c0 c1 c2 c3 c4"))).toEqual([
    "a: b",
    ...[1, 2, 3].flatMap(() => ["server: x", "date: now"]),
  ]);
  expect(decoder.decode(hex("c5"))).toBeUndefined();
});

test("HpackDecoder reads a block that refers to the table anew when the table has changed", () => {
  const decoder = new HpackDecoder();
  decoder.decode(hex("40 01 61 01 62"));
  expect([hex("be"), hex("be")].map((block) => lines(decoder, block))).toEqual([["a: b"], ["a: b"]]);
  decoder.decode(hex("40 01 63 01 64"));
  expect(lines(decoder, hex("be"))).toEqual(["c: d"]);
  // A literal whose name the table holds.
  expect([hex("7e 01 65"), hex("7e 01 65")].map((block) => lines(decoder, block))).toEqual([["c: e"], ["c: e"]]);
  expect(lines(decoder, hex("be bf c0 c1"))).toEqual(["c: e", "c: e", "c: d", "a: b"]);
});
