import { describe, expect, test } from "bun:test";
import { array, assert, nat, property, record } from "fast-check";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bounds, cleanNamespace, planCleanup, type Stored } from "../../../builder/cleanup.ts";
import { namespaceFolders } from "../../../builder/folders.ts";
import { BUILDER_IDLE_MS_MAX } from "../../../core/limits.ts";

const NOW = 1_000_000;
const BOUNDS: Bounds = { idleMsMax: 1_000, bytesMax: 100, countMax: 5 };
const stored = (path: string, bytes: number, age: number): Stored => ({ path, bytes, usedAt: NOW - age });

describe("planCleanup()", () => {
  test("removes what was idle too long", () => {
    expect(planCleanup([stored("old", 1, 1_001), stored("new", 1, 1_000)], BOUNDS, NOW)).toEqual(["old"]);
  });

  test("removes the longest unused first when there is too much", () => {
    const all = [stored("a", 60, 30), stored("b", 60, 10), stored("c", 30, 20)];
    expect(planCleanup(all, BOUNDS, NOW)).toEqual(["a"]);
  });

  test("leaves nothing behind that breaks a bound, and never touches anything without need", () => {
    const entries = array(record({ bytes: nat(60), age: nat(1_500) }), { maxLength: 12 });
    assert(
      property(entries, (ages) => {
        const all = ages.map(({ bytes, age }, index) => stored(String(index), bytes, age));
        const gone = new Set(planCleanup(all, BOUNDS, NOW));
        const kept = all.filter((entry) => !gone.has(entry.path));
        expect(kept.every((entry) => NOW - entry.usedAt <= BOUNDS.idleMsMax)).toBe(true);
        expect(kept.reduce((sum, entry) => sum + entry.bytes, 0)).toBeLessThanOrEqual(BOUNDS.bytesMax);
        expect(kept.length).toBeLessThanOrEqual(BOUNDS.countMax);
        const fits = all.length <= 5 && all.reduce((sum, entry) => sum + entry.bytes, 0) <= 100;
        if (fits && all.every((entry) => NOW - entry.usedAt <= 1_000)) expect(gone.size).toBe(0);
      }),
    );
  });
});

test("cleanNamespace() removes idle trees and blobs and keeps fresh ones and all records", async () => {
  const root = await mkdtemp(join(tmpdir(), "cleanup-"));
  const folders = namespaceFolders(root, "dev");
  const now = Date.now();
  const put = async (path: string, ageMs: number): Promise<void> => {
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, "x");
    await utimes(path, (now - ageMs) / 1000, (now - ageMs) / 1000);
  };
  await put(join(folders.trees, "azds-old000/0/file"), 0);
  await put(join(folders.trees, "azds-new000/0/file"), 0);
  await put(join(folders.blobs, "ab/old"), BUILDER_IDLE_MS_MAX + 1_000);
  await put(join(folders.blobs, "ab/new"), 0);
  await put(join(folders.images, "record.json"), BUILDER_IDLE_MS_MAX + 1_000);
  const longAgo = (now - BUILDER_IDLE_MS_MAX - 1_000) / 1000;
  await utimes(join(folders.trees, "azds-old000/0"), longAgo, longAgo);

  expect(await cleanNamespace({ root, namespace: "dev", now, idleMsMax: BUILDER_IDLE_MS_MAX })).toBe(2);
  const left = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  expect(left.map((entry) => join(entry.parentPath, entry.name).slice(root.length)).toSorted()).toEqual([
    "/dev/blobs/ab/new",
    "/dev/images/record.json",
    "/dev/trees/azds-new000/0/file",
  ]);
  await rm(root, { recursive: true });
});
