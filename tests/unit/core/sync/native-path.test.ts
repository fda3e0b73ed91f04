import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import * as fc from "fast-check";
import {
  isNativePath,
  nameOf,
  nativeLength,
  nativePath,
  readLink,
  readNames,
} from "../../../../core/sync/native-path.ts";
import { withFolder } from "./support.ts";

const names = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes));

test("any bytes become text and the same bytes again, also by way of JSON", () => {
  fc.assert(
    fc.property(names, (bytes) => {
      const text = JSON.parse(JSON.stringify(nameOf(bytes))) as string;
      expect(Buffer.from(nativePath(text))).toEqual(bytes);
      expect(isNativePath(text)).toBe(true);
      expect(nativeLength(text)).toBe(bytes.length);
    }),
  );
});

test("valid text stays as it is: pairs, U+FFFD", () => {
  for (const text of ["plain", "ü", "💀🚀", "a\uFFFDb"]) {
    expect(nameOf(Buffer.from(text))).toBe(text);
    expect(nativePath(text)).toBe(text);
  }
});

test("a second text for the same bytes is none", () => {
  expect(nameOf(Buffer.from([0xc3, 0xa9]))).toBe("é");
  for (const text of ["\udcc3\udca9", "\ud800", "\udc41", "a\udcff\ud800"]) expect(isNativePath(text)).toBe(false);
  expect(isNativePath("a\udcff")).toBe(true);
});

test("no escape stands for a slash or a NUL", () => {
  fc.assert(
    fc.property(names, (bytes) => {
      expect(nameOf(bytes).includes("/")).toBe(bytes.includes(0x2f));
      expect(nameOf(bytes).includes("\0")).toBe(bytes.includes(0));
    }),
  );
});

test("folders and symlinks are read with names of any bytes", async () => {
  await withFolder(async (folder) => {
    const latin = `${folder}/caf\udce9`;
    mkdirSync(nativePath(latin));
    writeFileSync(nativePath(`${latin}/a\uFFFD`), "1");
    writeFileSync(nativePath(`${latin}/b\udcff`), "2");
    symlinkSync(nativePath("to\udcfe"), nativePath(`${latin}/l\udcfd`));
    expect(readNames(folder)).toEqual(["caf\udce9"]);
    expect(readNames(latin).toSorted()).toEqual(["a\uFFFD", "b\udcff", "l\udcfd"].toSorted());
    expect(readLink(`${latin}/l\udcfd`)).toBe("to\udcfe");
    expect(readFileSync(nativePath(`${latin}/b\udcff`), "utf8")).toBe("2");
  });
});
