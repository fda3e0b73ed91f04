import { expect, test } from "bun:test";
import { RepeatedText } from "../../../../proxy/http/repeated-text.ts";

const BYTES = Buffer.from("a.dev b.dev a.dev2 \xe9", "latin1");

test("is the text of the bytes, whatever the last one was", () => {
  const text = new RepeatedText();
  const read = (start: number, end: number): string => text.of(BYTES, start, end);
  expect([read(0, 5), read(0, 5), read(6, 11), read(12, 18), read(12, 17), read(0, 0), read(19, 20)]).toEqual([
    "a.dev",
    "a.dev",
    "b.dev",
    "a.dev2",
    "a.dev",
    "",
    "é",
  ]);
});
