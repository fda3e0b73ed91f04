import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { lookForBack, type Look } from "../../../../../agent/host/back/look.ts";
import { TrackedTree } from "../../../../../agent/host/tracked-tree.ts";
import { SYNC_BACK_FILES_MAX, SYNC_BACK_SETTLE_MS } from "../../../../../core/limits.ts";
import { BackGlobs } from "../../../../../core/sync/back-globs.ts";
import type { HashedFile } from "../../../../../core/sync/scan.ts";
import { withPlace } from "../support.ts";

function hashOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

function write(target: string, path: string, text: string): void {
  mkdirSync(dirname(join(target, path)), { recursive: true });
  writeFileSync(join(target, path), text);
}

interface LookOptions {
  readonly startedAt?: number;
  readonly laterMs?: number;
  readonly synced?: Readonly<Record<string, string>>;
}

async function look(target: string, globs: readonly string[], options: LookOptions = {}): Promise<Look> {
  const { startedAt = 0, laterMs = 10 * SYNC_BACK_SETTLE_MS, synced = {} } = options;
  const hashes = new Map<string, HashedFile>();
  const tracked = new TrackedTree();
  for (const [path, text] of Object.entries(synced))
    tracked.set({ entry: { path, kind: "file", mode: 0o644, size: text.length, sha256: hashOf(text) } });
  return lookForBack(new BackGlobs(globs), { target, tracked, hashes, startedAt, now: () => Date.now() + laterMs });
}

test("what the container made is found with content and mode; symlinks are not followed", async () => {
  await withPlace(async ({ folder, target }) => {
    write(target, "gen/deep/a.ts", "a");
    chmodSync(join(target, "gen/deep/a.ts"), 0o755);
    write(folder, "outside/b.ts", "b");
    symlinkSync(join(folder, "outside"), join(target, "gen/linked"));
    symlinkSync(join(folder, "outside/b.ts"), join(target, "gen/b.ts"));
    const { files, folders } = await look(target, ["gen/**/*.ts"]);
    expect(files).toEqual([{ path: "gen/deep/a.ts", mode: 0o755, size: 1, sha256: hashOf("a") }]);
    expect(folders.toSorted()).toEqual(["", "gen", "gen/deep"]);
  });
});

test("what was synced is not told; changed since, it is, with what was synced as its base", async () => {
  await withPlace(async ({ target }) => {
    write(target, "a.lock", "one");
    write(target, "b.lock", "changed");
    const { files } = await look(target, ["*.lock"], { synced: { "a.lock": "one", "b.lock": "two" } });
    expect(files.map(({ path, base }) => [path, base])).toEqual([["b.lock", hashOf("two")]]);
  });
});

test("what the image had before the container began is its own", async () => {
  await withPlace(async ({ target }) => {
    write(target, "a.lock", "image's");
    expect((await look(target, ["*.lock"], { startedAt: Date.now() + 60_000 })).files).toEqual([]);
  });
});

test("a file that was written to a moment ago waits", async () => {
  await withPlace(async ({ target }) => {
    write(target, "a.lock", "half");
    expect(await look(target, ["*.lock"], { laterMs: 0 })).toMatchObject({ files: [], unsettled: true });
    expect(await look(target, ["*.lock"])).toMatchObject({ unsettled: false });
  });
});

test("more files than may come are refused, and node_modules is entered only when it is named", async () => {
  await withPlace(async ({ target }) => {
    mkdirSync(join(target, "node_modules"));
    for (let at = 0; at <= SYNC_BACK_FILES_MAX; at += 1) writeFileSync(join(target, "node_modules", `${at}.js`), "");
    expect((await look(target, ["**/*.js"])).files).toEqual([]);
    const refused = look(target, ["node_modules/*.js"]);
    expect(refused).rejects.toMatchObject({ code: "SYNC_BACK_LIMIT" });
    await refused.catch(() => undefined);
  });
}, 60_000);
