import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportImage } from "../../../../cli/image/export.ts";
import { findLibraries } from "../../../../cli/image/libraries.ts";
import { readElf } from "../../../../cli/image/elf.ts";
import { readTar, type ReadEntry } from "./read-tar.ts";

let folder = "";
let layer: readonly ReadEntry[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "azds-image-"));
  const file = join(folder, "image.tar");
  await exportImage({ executable: process.execPath, file, reference: "example.test/azds:1" });
  const blobs = readTar(await Bun.file(file).bytes()).toSorted((a, b) => a.content.length - b.content.length);
  layer = readTar(blobs.at(-1)?.content ?? new Uint8Array());
});

afterAll(async () => rm(folder, { recursive: true, force: true }));

test("exportImage() holds the executable, its loader and libraries, accounts, and nothing else", () => {
  const paths = layer.map(({ path }) => path);
  expect(paths.filter((path) => path.startsWith("azds/")).toSorted()).toEqual(
    [
      "azds/",
      "azds/azds",
      "azds/ld.so",
      "azds/libc.so.6",
      "azds/libdl.so.2",
      "azds/libm.so.6",
      "azds/libpthread.so.0",
    ].toSorted(),
  );
  expect(paths.filter((path) => !path.startsWith("azds/"))).toEqual([
    "etc/",
    "etc/passwd",
    "etc/group",
    "etc/nsswitch.conf",
  ]);
});

test("exportImage() makes a program that runs from its own folder, with its own loader, wherever that is", async () => {
  const place = join(folder, "moved");
  await mkdir(join(place, "azds"), { recursive: true });
  const files = layer.filter(({ path }) => path.startsWith("azds/") && !path.endsWith("/"));
  await Promise.all(files.map(async ({ path, mode, content }) => writeFile(join(place, path), content, { mode })));
  // The loader is named here since the path inside the image does not exist on this machine.
  const run = Bun.spawnSync([join(place, "azds/ld.so"), join(place, "azds/azds"), "--version"], {
    env: { LD_DEBUG: "libs", BUN_BE_BUN: "1" },
  });
  const loaded = [...run.stderr.toString().matchAll(/calling init: (?<file>\S+)/g)].map(
    (match) => match.groups?.["file"] ?? "",
  );
  expect(run.exitCode).toBe(0);
  expect(loaded.some((file) => file.startsWith(place))).toBe(true);
  expect(loaded.filter((file) => !file.startsWith(place))).toEqual([]);
});

test("findLibraries() finds what the libraries themselves need", async () => {
  const { loader, libraries } = await findLibraries(await Bun.file(process.execPath).bytes());
  const names = new Set(libraries.map(({ name }) => name));
  const needed = libraries
    .flatMap(({ content }) => readElf(content).needed)
    .filter((name) => !name.startsWith("ld-linux"));
  expect(needed.filter((name) => !names.has(name))).toEqual([]);
  expect(readElf(loader).architecture).toBe(readElf(await Bun.file(process.execPath).bytes()).architecture);
});
