import { expect, test } from "bun:test";
import { appendFileSync, chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scanTree } from "../../../../core/sync/scan.ts";
import { codeOf } from "../wire/support.ts";
import { NOTHING_IGNORED, withFolder } from "./support.ts";

test("scanTree() tells files, symlinks and folders in order, with modes and hashes", async () => {
  await withFolder(async (root) => {
    mkdirSync(join(root, "b"));
    writeFileSync(join(root, "b/x"), "hello");
    chmodSync(join(root, "b/x"), 0o750);
    chmodSync(join(root, "b"), 0o711);
    writeFileSync(join(root, "a"), "");
    symlinkSync("../outside", join(root, "c"));
    expect((await scanTree(root, { ignore: NOTHING_IGNORED })).entries).toEqual([
      { path: "a", kind: "file", mode: 0o644, size: 0, sha256: sha256("") },
      { path: "b", kind: "directory", mode: 0o711, size: 0 },
      { path: "b/x", kind: "file", mode: 0o750, size: 5, sha256: sha256("hello") },
      { path: "c", kind: "symlink", mode: 0o777, size: 0, target: "../outside" },
    ]);
  });
});

test("scanTree() does not enter ignored folders and leaves out what is neither file, symlink nor folder", async () => {
  await withFolder(async (root) => {
    mkdirSync(join(root, "node_modules/deep"), { recursive: true });
    writeFileSync(join(root, "keep"), "");
    Bun.spawnSync(["mkfifo", join(root, "pipe")]);
    const asked: string[] = [];
    const ignore = (path: string, isDirectory: boolean): boolean => {
      asked.push(`${path} ${isDirectory}`);
      return path === "node_modules";
    };
    expect((await scanTree(root, { ignore })).entries.map((entry) => entry.path)).toEqual(["keep"]);
    expect(asked.toSorted()).toEqual(["keep false", "node_modules true", "pipe false"]);
  });
});

test("scanTree() believes the hashes of an earlier scan for files that look the same, and only for those", async () => {
  await withFolder(async (root) => {
    const past = new Date("2020-01-01");
    for (const name of ["same", "grown"]) {
      writeFileSync(join(root, name), "old");
      utimesSync(join(root, name), past, past);
    }
    const first = await scanTree(root, { ignore: NOTHING_IGNORED });
    expect(Object.keys(first.hashes).toSorted()).toEqual(["grown", "same"]);
    const invented = { ...first.hashes["same"], sha256: "f".repeat(64) } as (typeof first.hashes)[string];
    appendFileSync(join(root, "grown"), "er");
    utimesSync(join(root, "grown"), past, past);
    const second = await scanTree(root, { ignore: NOTHING_IGNORED, hashes: { ...first.hashes, same: invented } });
    expect(second.entries.map((entry) => entry.sha256)).toEqual([sha256("older"), "f".repeat(64)]);
  });
});

test("scanTree() does not remember the hash of a file that may change within its time stamp", async () => {
  await withFolder(async (root) => {
    writeFileSync(join(root, "young"), "x");
    expect((await scanTree(root, { ignore: NOTHING_IGNORED })).hashes).toEqual({});
  });
});

test("scanTree() names the folder that is not there", async () => {
  expect(await codeOf(scanTree("/nonexistent/folder", { ignore: NOTHING_IGNORED }))).toBe("SOURCE_UNREADABLE");
});

test("scanTree() stops at the signal", async () => {
  const scanning = scanTree("/usr/lib", { ignore: NOTHING_IGNORED, signal: AbortSignal.abort(new Error("enough")) });
  expect(scanning).rejects.toThrow("enough");
  await scanning.catch(() => {});
});

test("scanTree() survives files that come, go and grow meanwhile", async () => {
  await withFolder(async (root) => {
    const done = new AbortController();
    const scribble = (async () => {
      for (let round = 0; !done.signal.aborted; round += 1) {
        writeFileSync(join(root, `f${round % 50}`), "x".repeat(round % 5000));
        if (round % 7 === 0) Bun.spawnSync(["rm", "-f", join(root, `f${(round * 3) % 50}`)]);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let scans = 0; scans < 20; scans += 1) {
      const { entries } = await scanTree(root, { ignore: NOTHING_IGNORED });
      expect(entries.every((entry) => entry.kind === "file")).toBe(true);
    }
    done.abort();
    await scribble;
  });
});

function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
