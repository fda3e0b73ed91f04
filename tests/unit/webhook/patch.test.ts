import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { jsonPatch } from "../../../webhook/patch.ts";
import { applyPatch } from "./support/apply-patch.ts";

test("jsonPatch() adds, replaces and removes members", () => {
  expect(jsonPatch({ a: 1, b: { c: 2, d: 3 }, e: 4 }, { a: 1, b: { c: 5 }, f: 6 })).toEqual([
    { op: "remove", path: "/e" },
    { op: "remove", path: "/b/d" },
    { op: "replace", path: "/b/c", value: 5 },
    { op: "add", path: "/f", value: 6 },
  ]);
});

test("jsonPatch() escapes `~` and `/` in names (RFC 6901)", () => {
  expect(jsonPatch({ metadata: {} }, { metadata: { "azds.io/a~b": "1" } })).toEqual([
    { op: "add", path: "/metadata/azds.io~1a~0b", value: "1" },
  ]);
});

test("jsonPatch() replaces a list that differs as a whole and leaves an equal one", () => {
  expect(jsonPatch({ a: [{ x: 1 }], b: [1] }, { a: [{ x: 2 }], b: [1] })).toEqual([
    { op: "replace", path: "/a", value: [{ x: 2 }] },
  ]);
});

test("jsonPatch() applied to the first document gives the second", () => {
  const name = fc.constantFrom("a", "b", "x/y", "m~n", "");
  const { document } = fc.letrec<{ document: Record<string, unknown>; value: unknown }>((tie) => ({
    document: fc.dictionary(name, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, 0, "", "text", true),
      fc.array(fc.integer(), { maxLength: 2 }),
      tie("document"),
    ),
  }));
  fc.assert(
    fc.property(document, document, (before, after) => {
      expect(applyPatch(before, jsonPatch(before, after))).toEqual(after);
    }),
  );
});
