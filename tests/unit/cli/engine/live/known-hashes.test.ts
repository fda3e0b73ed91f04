import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { knownHashes } from "../../../../../cli/engine/live/known-hashes.ts";
import { KEPT_HASH_AGE_MS_MIN, KEPT_HASH_CONTEXTS_MAX } from "../../../../../core/limits.ts";
import { type HashCache, scanTree } from "../../../../../core/sync/scan.ts";

let folder: string;
let root: string;

const caches = (): string => join(folder, "hashes");
const LONG_AGO = new Date("2024-05-01T00:00:00Z");

/** With a time that was set, as after unpacking an archive. */
function write(name: string, text: string): void {
  writeFileSync(join(root, name), text);
  utimesSync(join(root, name), LONG_AGO, LONG_AGO);
}

/** A reading that begins `later` than now, as by the next command. */
async function read(later = 0): Promise<{ readonly loaded: HashCache; readonly found: HashCache }> {
  const known = knownHashes(caches(), root);
  const loaded = known.load();
  const found = await scanTree(root, { ignore: () => false, hashes: loaded });
  known.save(found.hashes, Date.now() + later);
  return { loaded, found: found.hashes };
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "azds-hashes-"));
  root = join(folder, "root");
  mkdirSync(root);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("knownHashes()", () => {
  const later = 2 * KEPT_HASH_AGE_MS_MIN;

  test("gives the next command what was found", async () => {
    write("a", "one");
    const { found } = await read(later);
    const next = await read(later);
    expect(next.loaded).toEqual(found);
    expect(Object.keys(next.loaded)).toEqual(["a"]);
    expect(next.found["a"]).toBe(next.loaded["a"] as never);
  });

  test("keeps nothing of a file that was just changed, whatever time was set", async () => {
    write("a", "one");
    expect((await read()).found).toHaveProperty("a");
    expect((await read()).loaded).toEqual({});
  });

  test("a file of the same size, place and time with other content is read again", async () => {
    write("a", "one");
    await read(later);
    await Bun.sleep(20);
    write("a", "two");
    const { loaded, found } = await read(later);
    expect(loaded["a"]).toMatchObject({ size: 3, mtimeNs: found["a"]?.mtimeNs ?? "", inode: found["a"]?.inode ?? "" });
    expect(found["a"]?.sha256).not.toBe(loaded["a"]?.sha256 ?? "");
  });

  test("forgets files that are gone", async () => {
    write("a", "one");
    write("b", "two");
    await read(later);
    rmSync(join(root, "a"));
    await read(later);
    expect(Object.keys((await read(later)).loaded)).toEqual(["b"]);
  });

  test("does not write again what has not changed", async () => {
    write("a", "one");
    await read(later);
    const [name = ""] = readdirSync(caches());
    const before = statSync(join(caches(), name)).ino;
    await read(later);
    expect(statSync(join(caches(), name)).ino).toBe(before);
  });

  test.each(["", "{", "[]", '{"a":1}', '{"a":{"size":"3"}}'])("takes a broken file %p for none", async (text) => {
    write("a", "one");
    await read(later);
    const [name = ""] = readdirSync(caches());
    writeFileSync(join(caches(), name), text);
    expect((await read(later)).loaded).toEqual({});
    expect((await read(later)).loaded).toHaveProperty("a");
  });

  test("goes without where nothing can be written", async () => {
    write("a", "one");
    writeFileSync(caches(), "no folder");
    await read(later);
    expect((await read(later)).loaded).toEqual({});
  });

  test("keeps the files of no more than so many contexts, the newest", async () => {
    mkdirSync(caches());
    for (let i = 0; i < KEPT_HASH_CONTEXTS_MAX + 3; i += 1) {
      writeFileSync(join(caches(), `${i}.json`), "{}");
      utimesSync(join(caches(), `${i}.json`), i, i);
    }
    write("a", "one");
    await read(later);
    const left = readdirSync(caches());
    expect(left.length).toBe(KEPT_HASH_CONTEXTS_MAX);
    expect(left).not.toContain("3.json");
    expect(left).toContain("4.json");
    expect(left.some((name) => readFileSync(join(caches(), name), "utf8").includes("sha256"))).toBe(true);
  });
});
