import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import * as fc from "fast-check";
import { LOADER_PATH, readElf, relocatable } from "../../../../cli/image/elf.ts";
import { AzdsError } from "../../../../core/errors.ts";

/** A real program of the kind that is exported: every compiled azds begins as a copy of it. */
const PROGRAM = new Uint8Array(await readFile(process.execPath));

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof AzdsError) return error.message;
    throw error;
  }
  return "";
}

test("readElf() names loader, libraries and processor of the running executable", () => {
  const elf = readElf(PROGRAM);
  expect(["amd64", "arm64"]).toContain(elf.architecture);
  expect(elf.interpreter).toContain("ld-linux");
  expect(elf.needed).toContain("libc.so.6");
});

test("relocatable() changes the loader and keeps everything else in its place", () => {
  const changed = relocatable(PROGRAM);
  expect(readElf(changed)).toEqual({ ...readElf(PROGRAM), interpreter: LOADER_PATH });
  expect(changed.length).toBe(PROGRAM.length);
  let different = 0;
  for (let index = 0; index < changed.length; index += 1) if (changed[index] !== PROGRAM[index]) different += 1;
  // The loader's path and one dynamic entry.
  expect(different).toBeLessThanOrEqual(44);
});

test("relocatable() leaves its argument alone", () => {
  const before = PROGRAM.slice(0, 4096);
  relocatable(PROGRAM);
  expect(PROGRAM.slice(0, 4096)).toEqual(before);
});

test("relocatable() refuses what it has already changed", () => {
  expect(messageOf(() => relocatable(relocatable(PROGRAM)))).toMatch(/DT_DEBUG/);
});

test("relocatable() refuses programs of other systems by name", () => {
  expect(messageOf(() => relocatable(new TextEncoder().encode("#!/bin/sh\n".repeat(10))))).toMatch(
    /not a Linux program/,
  );
  expect(messageOf(() => relocatable(new Uint8Array()))).toMatch(/not a Linux program/);
  const otherProcessor = PROGRAM.slice(0, 4096);
  otherProcessor[18] = 8;
  expect(messageOf(() => relocatable(otherProcessor))).toMatch(/amd64 and arm64/);
});

test("readElf() meets damaged files with an AzdsError or an answer, never a crash", () => {
  const head = PROGRAM.slice(0, 16 * 1024);
  fc.assert(
    fc.property(fc.nat(head.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(head.length), (at, value, length) => {
      const damaged = head.slice(0, length);
      if (at < damaged.length) damaged[at] = value;
      messageOf(() => readElf(damaged));
    }),
  );
});
