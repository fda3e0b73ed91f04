/** The short form of `make prove-fuzz`, and every text on which parsers and reference have disagreed. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { compareChunks, compareRequests, compareResponse } from "../../../fuzz/compare.ts";
import { playRound } from "../../../fuzz/rounds.ts";

const ROUNDS = 5_000;
const SEED = 9112;

const PIECES = [
  "GET / HTTP/1.1\r\n",
  "POST / HTTP/1.0\r\n",
  "HTTP/1.1 200 OK\r\n",
  "HTTP/1.0 200\r\n",
  "HTTP/1.1 100 Continue\r\n\r\n",
  "Host: x\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: gzip\r\n",
  "Connection: close\r\n",
  "Connection: keep-alive\r\n",
  "\r\n",
  "hello",
  "5\r\nhello\r\n",
  "0\r\n",
  "X: y\r\n",
  " folded\r\n",
  "\n",
  "\r",
  "\0",
] as const;

const texts = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((parts) => parts.join(""));
const withCuts = texts.chain((text) =>
  fc.record({
    text: fc.constant(text),
    cuts: fc.uniqueArray(fc.nat(text.length)).map((cuts) => cuts.toSorted(ascending)),
  }),
);

describe("what the proxy reads is what RFC 9112 says", () => {
  test(`in ${ROUNDS} generated and damaged messages`, () => {
    const disagreements: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const disagreement = playRound(SEED, round);
      if (disagreement !== undefined) disagreements.push(disagreement);
    }
    expect(disagreements).toEqual([]);
  });

  test("of requests made of lines in any order", () => {
    fc.assert(
      fc.property(withCuts, ({ text, cuts }) => {
        expect(compareRequests(text, cuts)).toBeUndefined();
      }),
      { seed: SEED },
    );
  });

  test("of responses made of lines in any order", () => {
    fc.assert(
      fc.property(withCuts, fc.constantFrom("GET", "HEAD", "CONNECT"), fc.boolean(), ({ text, cuts }, method, ends) => {
        expect(compareResponse(text, cuts, { method, ends })).toBeUndefined();
      }),
      { seed: SEED },
    );
  });

  test("of chunks in any order", () => {
    const chunk = fc.constantFrom(
      "5\r\nhello\r\n",
      "0\r\n",
      "\r\n",
      "X: y\r\n",
      "5;a\r\n",
      "hello",
      "\r",
      "\n",
      "a \r\n",
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 8 }), fc.array(fc.nat(40)), (parts, cuts) => {
        const text = parts.join("");
        const within = cuts.filter((cut) => cut <= text.length).toSorted(ascending);
        expect(compareChunks(text, within)).toBeUndefined();
      }),
      { seed: SEED },
    );
  });
});

describe("what was read otherwise once is read as RFC 9112 says", () => {
  const requests: readonly (readonly [string, string])[] = [
    ["a vertical tab is part of a coding", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip,\vchunked\r\n\r\n0\r\n\r\n"],
    ["a no-break space is part of a coding", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip,\xa0chunked\r\n\r\n0\r\n\r\n"],
    ["a vertical tab is part of a connection option", "GET / HTTP/1.1\r\nConnection: x,\vclose\r\n\r\n"],
    ["the largest length", "POST / HTTP/1.1\r\nContent-Length: 9007199254740991\r\n\r\nx"],
  ];
  for (const [name, text] of requests) test(name, () => expect(compareRequests(text, [])).toBeUndefined());

  const responses: readonly (readonly [string, string])[] = [
    ["a version that is no digit", "HTTP/1.x 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ["a status line with a bare carriage return", "HTTP/1.1 200\rX: y\r\nContent-Length: 0\r\n\r\n"],
    ["a reason with NUL", "HTTP/1.1 200 \0\r\nContent-Length: 0\r\n\r\n"],
    [
      "a transfer coding in HTTP/1.0, behind which nothing may follow",
      "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
  ];
  for (const [name, text] of responses)
    test(name, () => expect(compareResponse(text, [], { method: "GET", ends: false })).toBeUndefined());
});

function ascending(a: number, b: number): number {
  return a - b;
}
