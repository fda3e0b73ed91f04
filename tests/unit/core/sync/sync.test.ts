import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { AzdsError } from "../../../../core/errors.ts";
import { SYNC_BATCH_MAX } from "../../../../core/limits.ts";
import { diskReceiver } from "../../../../core/sync/disk-receiver.ts";
import type { TreeEntry } from "../../../../core/sync/manifest.ts";
import { SYNC_VERSION } from "../../../../core/sync/messages.ts";
import { type TreeReceiver, type TreeTarget, receiveTree } from "../../../../core/sync/receive.ts";
import { sendTree } from "../../../../core/sync/send.ts";
import type { ByteStream } from "../../../../core/wire/byte-stream.ts";
import { sendMessage } from "../../../../core/wire/messages.ts";
import { createMux } from "../../../../core/wire/mux.ts";
import { memoryPair } from "../../../fakes/memory-stream.ts";
import { bytesOf, codeOf } from "../wire/support.ts";
import { contentsOf, syncOnce, withFolder } from "./support.ts";

interface Place {
  /** Folder that is sent. */
  readonly root: string;
  readonly receiver: TreeReceiver;
  /** Where the tree `azds-aaaaaa/c` is kept. */
  readonly tree: string;
  readonly folder: string;
}

async function withPlace(work: (place: Place) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const root = join(folder, "root");
    mkdirSync(root);
    const receiver = diskReceiver({ blobs: join(folder, "blobs"), trees: join(folder, "trees") });
    await work({ root, receiver, tree: join(folder, "trees/azds-aaaaaa/c"), folder });
  });
}

const NAMES = ["a", "b", "a/x", "a/y", "b/z", "a/x/deep", "ü b"] as const;
const change = fc.oneof(
  fc.record({ type: fc.constant("write"), path: fc.constantFrom(...NAMES), content: fc.string({ maxLength: 3 }) }),
  fc.record({ type: fc.constant("folder"), path: fc.constantFrom(...NAMES) }),
  fc.record({
    type: fc.constant("link"),
    path: fc.constantFrom(...NAMES),
    target: fc.constantFrom("a", "../..", "/etc"),
  }),
  fc.record({ type: fc.constant("remove"), path: fc.constantFrom(...NAMES) }),
  fc.record({
    type: fc.constant("mode"),
    path: fc.constantFrom(...NAMES),
    mode: fc.constantFrom(0o644, 0o755, 0o700, 0o600),
  }),
  fc.record({ type: fc.constant("move"), path: fc.constantFrom(...NAMES), to: fc.constantFrom(...NAMES) }),
  fc.record({ type: fc.constant("sync") }),
) as fc.Arbitrary<Change>;

type Change =
  | { readonly type: "write"; readonly path: string; readonly content: string }
  | { readonly type: "folder" | "remove"; readonly path: string }
  | { readonly type: "link"; readonly path: string; readonly target: string }
  | { readonly type: "mode"; readonly path: string; readonly mode: number }
  | { readonly type: "move"; readonly path: string; readonly to: string }
  | { readonly type: "sync" };

/** Does what the file system allows; what it refuses changes nothing. */
function applyChange(root: string, step: Exclude<Change, { type: "sync" }>): void {
  const full = join(root, step.path);
  try {
    switch (step.type) {
      case "write":
        return writeFileSync(full, step.content, { flag: "w" });
      case "folder":
        return void mkdirSync(full, { recursive: true });
      case "link":
        rmSync(full, { recursive: true, force: true });
        return symlinkSync(step.target, full);
      case "remove":
        return rmSync(full, { recursive: true, force: true });
      case "mode":
        return chmodSync(full, step.mode);
      case "move":
        return renameSync(full, join(root, step.to));
    }
  } catch {
    // As a user would see: a folder in the way, nothing there.
  }
}

/** Outside the folder nothing may be changed through a symlink of the test itself. */
function isHarmless(step: Change): boolean {
  return step.type !== "link" || step.target === "a";
}

describe("sendTree() and diskReceiver()", () => {
  test("bring the tree to what the folder is, after any sequence of changes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change.filter(isHarmless), { minLength: 1, maxLength: 14 }), async (steps) => {
        await withPlace(async ({ root, receiver, tree }) => {
          for (const step of [...steps, { type: "sync" } as const]) {
            if (step.type !== "sync") {
              applyChange(root, step);
              continue;
            }
            await syncOnce({ root, receiver });
            expect(await contentsOf(tree)).toEqual(await contentsOf(root));
          }
        });
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  test("send nothing again, and leave untouched what did not change", async () => {
    await withPlace(async ({ root, receiver, tree }) => {
      writeFileSync(join(root, "big"), bytesOf(3_000_000, 1));
      writeFileSync(join(root, "small"), "1");
      expect(await syncOnce({ root, receiver })).toMatchObject({ files: 2, bytesSent: 3_000_001, deleted: 0 });
      const before = statSync(join(tree, "big"));
      expect(await syncOnce({ root, receiver })).toMatchObject({ files: 0, bytesSent: 0, deleted: 0 });
      writeFileSync(join(root, "small"), "2");
      expect(await syncOnce({ root, receiver })).toMatchObject({ files: 1, bytesSent: 1 });
      expect(statSync(join(tree, "big"))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
      renameSync(join(root, "big"), join(root, "moved"));
      expect(await syncOnce({ root, receiver })).toMatchObject({ files: 1, bytesSent: 0, deleted: 1 });
    });
  });

  test("send a content once, however many files have it and wherever it is known", async () => {
    await withPlace(async ({ root, receiver }) => {
      for (const name of ["a", "b", "c"]) writeFileSync(join(root, name), "same");
      writeFileSync(join(root, "empty"), "");
      expect(await syncOnce({ root, receiver })).toMatchObject({ files: 4, bytesSent: 4 });
      expect(await syncOnce({ root, receiver, tree: "azds-bbbbbb/c" })).toMatchObject({ files: 4, bytesSent: 0 });
    });
  });

  test("heal a tree that was changed or removed, and blobs that are gone", async () => {
    await withPlace(async ({ root, receiver, tree, folder }) => {
      mkdirSync(join(root, "d"));
      writeFileSync(join(root, "d/f"), "right");
      await syncOnce({ root, receiver });
      writeFileSync(join(tree, "d/f"), "wrong");
      writeFileSync(join(tree, "foreign"), "x");
      await syncOnce({ root, receiver });
      expect(await contentsOf(tree)).toEqual(await contentsOf(root));
      rmSync(tree, { recursive: true });
      rmSync(join(folder, "blobs"), { recursive: true });
      expect(await syncOnce({ root, receiver })).toMatchObject({ bytesSent: 5 });
      expect(await contentsOf(tree)).toEqual(await contentsOf(root));
    });
  });

  test("give equal contents a mode and a time each, whoever else wants the content later", async () => {
    await withPlace(async ({ root, receiver, tree, folder }) => {
      for (const [name, mode] of Object.entries({ a: 0o640, b: 0o755 }))
        writeFileSync(join(root, name), "same", { mode });
      await syncOnce({ root, receiver });
      const other = join(folder, "other");
      mkdirSync(other);
      writeFileSync(join(other, "c"), "same");
      const before = statSync(join(tree, "a")).mtimeMs;
      expect(await syncOnce({ root: other, receiver, tree: "azds-bbbbbb/c" })).toMatchObject({ bytesSent: 0 });
      chmodSync(join(root, "a"), 0o600);
      await syncOnce({ root, receiver });
      const modes = [join(tree, "a"), join(tree, "b"), join(folder, "trees/azds-bbbbbb/c/c")].map(
        (path) => statSync(path).mode & 0o777,
      );
      expect(modes).toEqual([0o600, 0o755, statSync(join(other, "c")).mode & 0o777]);
      expect(statSync(join(tree, "a")).mtimeMs).toBe(before);
    });
  });

  test("notice a damaged blob, and send it again the next time", async () => {
    await withPlace(async ({ root, receiver, tree, folder }) => {
      writeFileSync(join(root, "f"), "right");
      await syncOnce({ root, receiver });
      rmSync(tree, { recursive: true });
      const shelf = readdirSync(join(folder, "blobs")).find((name) => name.length === 2) ?? "";
      const [blob = ""] = readdirSync(join(folder, "blobs", shelf));
      writeFileSync(join(folder, "blobs", shelf, blob), "wrong");
      await syncOnce({ root, receiver }).catch(() => {});
      await syncOnce({ root, receiver });
      expect(readFileSync(join(tree, "f"), "utf8")).toBe("right");
    });
  });

  test("send a file that changes after the scan as it is now", async () => {
    await withPlace(async ({ root, receiver, tree }) => {
      for (const name of ["changed", "gone", "turned", "kept"]) writeFileSync(join(root, name), name);
      writeFileSync(join(root, "grown"), "log");
      writeFileSync(join(root, "twin"), "changed");
      const carrier = atFirstWrite(() => {
        writeFileSync(join(root, "changed"), bytesOf(2_500_000, 2));
        writeFileSync(join(root, "grown"), "log and more");
        rmSync(join(root, "gone"));
        rmSync(join(root, "turned"));
        symlinkSync("kept", join(root, "turned"));
      });
      await syncOnce({ root, receiver, carrier });
      const texts = (name: string): string => readFileSync(join(tree, name), "latin1");
      expect(texts("kept")).toBe("kept");
      expect(texts("twin")).toBe("changed");
      // What is there had this content when it was looked at: the first bytes of a growing file, or its twin's.
      expect(["log", "log and more"]).toContain(texts("grown"));
      expect([7, 2_500_000]).toContain(texts("changed").length);
      expect(readdirSync(tree)).not.toContain("gone");
      expect(texts("turned")).toBe("kept");
      await syncOnce({ root, receiver });
      expect(await contentsOf(tree)).toEqual(await contentsOf(root));
    });
  });

  test("leave whole files, old or new, when they are cut off at any byte", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(9_000), async (cutAt) => {
        await withPlace(async ({ root, receiver, tree }) => {
          for (let index = 0; index < 6; index += 1) writeFileSync(join(root, `f${index}`), bytesOf(1000, index));
          await syncOnce({ root, receiver });
          for (let index = 0; index < 6; index += 1) writeFileSync(join(root, `f${index}`), bytesOf(1200, index + 50));
          await syncOnce({ root, receiver, carrier: (stream) => cutAfter(stream, cutAt) }).catch(() => {});
          for (let index = 0; index < 6; index += 1) {
            const hash = Bun.hash(readFileSync(join(tree, `f${index}`)));
            expect([Bun.hash(bytesOf(1000, index)), Bun.hash(bytesOf(1200, index + 50))]).toContain(hash);
          }
          await syncOnce({ root, receiver });
          expect(await contentsOf(tree)).toEqual(await contentsOf(root));
        });
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  test("keep two syncs of one tree apart", async () => {
    await withPlace(async ({ root, receiver, tree, folder }) => {
      const other = join(folder, "other");
      mkdirSync(other);
      for (let index = 0; index < 30; index += 1) {
        writeFileSync(join(root, `r${index}`), "r");
        writeFileSync(join(other, `o${index}`), "o");
      }
      await Promise.all([
        syncOnce({ root, receiver }),
        syncOnce({ root: other, receiver }),
        syncOnce({ root, receiver }),
      ]);
      const contents = JSON.stringify(await contentsOf(tree));
      expect([JSON.stringify(await contentsOf(root)), JSON.stringify(await contentsOf(other))]).toContain(contents);
    });
  });

  test("carry many entries in several messages", async () => {
    const entries = Array.from({ length: 2 * SYNC_BATCH_MAX + 1 }, (_, index): TreeEntry => {
      return {
        path: `f${index}`,
        kind: "file",
        mode: 0o644,
        size: 0,
        sha256: hashOf(new TextEncoder().encode(`${index}`)),
      };
    });
    const asked: number[] = [];
    const target: TreeTarget = {
      lacks: (manifest) => Promise.resolve((asked.push(manifest.entries.length), [])),
      putBlob: () => Promise.reject(new Error("Nothing is lacking")),
      commit: (manifest) => Promise.resolve({ written: manifest.entries.length, deleted: 0 }),
      close: () => Promise.resolve(),
    };
    await withFolder(async (root) => {
      const result = await syncOnce({
        root,
        receiver: { open: () => Promise.resolve(target) },
        options: { manifest: { entries } },
      });
      expect(result.files).toBe(entries.length);
      expect(asked).toEqual([entries.length]);
    });
  });

  test("tell each other's errors over a multiplexed connection, and progress", async () => {
    await withPlace(async ({ root, receiver }) => {
      writeFileSync(join(root, "f"), bytesOf(2_000_000, 1));
      const [near, far] = memoryPair();
      const client = createMux(near, { role: "client" });
      const outcomes: (string | undefined)[] = [];
      createMux(far, {
        role: "server",
        accept: (_name, stream) => void codeOf(receiveTree(stream, receiver)).then((code) => outcomes.push(code)),
      });
      const manifest = {
        entries: [{ path: "f", kind: "file", mode: 0o644, size: 2_000_000, sha256: hashOf(bytesOf(2_000_000, 1)) }],
      } as const;
      const steps: number[] = [];
      const onProgress = (progress: { bytesSent: number; bytesTotal: number }): number =>
        steps.push(progress.bytesSent / progress.bytesTotal);
      await sendTree(client.open("sync"), { tree: "azds-aaaaaa/c", root, manifest, onProgress });
      expect(steps).toEqual([1_048_576 / 2_000_000, 1]);
      expect(await codeOf(sendTree(client.open("sync"), { tree: "../x", root, manifest }))).toBe("PROTOCOL");
      expect(await codeOf(sendTree(client.open("sync"), { tree: "a/b", root: "/nonexistent", manifest }))).toBe(
        undefined,
      );
      expect(outcomes).toEqual([undefined, "PROTOCOL", undefined]);
      await client.close();
    });
  });

  test("stop at the signal, on both sides", async () => {
    await withPlace(async ({ root, receiver }) => {
      writeFileSync(join(root, "f"), bytesOf(5_000_000, 1));
      const abort = new AbortController();
      const options = { signal: abort.signal, onProgress: () => abort.abort(new AzdsError("DECLINED", "enough")) };
      expect(await codeOf(syncOnce({ root, receiver, options }))).toBe("DECLINED");
      await syncOnce({ root, receiver });
    });
  });
});

describe("receiveTree() against a sender that breaks the protocol", () => {
  const open = { type: "open", version: SYNC_VERSION, tree: "a/b" } as const;
  const entry = {
    path: "f",
    kind: "file",
    mode: 0o644,
    size: 3,
    sha256: hashOf(new TextEncoder().encode("abc")),
  } as const;
  const told = [open, { type: "entries", entries: [entry] }, { type: "asked" }] as const;
  const blob = (text: string, state = "last", sha256: string = entry.sha256): readonly [unknown, string] => [
    { type: "blob", sha256, state },
    text,
  ];
  test.each([
    ["no opening", [{ type: "commit" }]],
    ["another version", [{ ...open, version: SYNC_VERSION + 1 }]],
    ["two openings", [open, open]],
    ["a tree outside", [{ ...open, tree: "../../etc" }]],
    ["a tree inside another", [{ ...open, tree: "a/b/c" }]],
    ["an unknown message", [open, { type: "surprise" }]],
    ["a path outside", [open, { type: "entries", entries: [{ ...entry, path: "../f" }] }]],
    [
      "a file below a symlink",
      [
        open,
        {
          type: "entries",
          entries: [
            { ...entry, path: "l", kind: "symlink", target: "/" },
            { ...entry, path: "l/f" },
          ],
        },
        { type: "commit" },
      ],
    ],
    ["a content that nobody asked for", [open, blob("abc")]],
    ["a content of another hash", [...told, blob("abd")]],
    ["too short a content", [...told, blob("ab")]],
    ["too long a content", [...told, blob("abc", "more"), blob("d")]],
    ["a content that goes on without bytes", [...told, blob("", "more")]],
    ["two contents mixed", [...told, blob("a", "more"), blob("bc", "last", "0".repeat(64))]],
    ["a content cut by another message", [...told, blob("a", "more"), { type: "commit" }]],
  ] as const)("refuses %s, and the tree stays as it was", async (_name, messages) => {
    await withPlace(async ({ receiver, folder }) => {
      const [near, far] = memoryPair();
      const receiving = codeOf(receiveTree(far, receiver));
      for (const message of messages) {
        const [head, body] = (Array.isArray(message) ? message : [message, ""]) as readonly [unknown, string];
        await sendMessage(near, head, new TextEncoder().encode(body)).catch(() => {});
      }
      expect(await receiving).toBe("PROTOCOL");
      expect(readdirSync(folder).includes("trees") ? await contentsOf(join(folder, "trees")) : []).not.toContain("f");
    });
  });

  test("a commit without a content fails and leaves the old file", async () => {
    await withPlace(async ({ root, receiver, tree }) => {
      writeFileSync(join(root, "f"), "old");
      await syncOnce({ root, receiver });
      const [near, far] = memoryPair();
      const receiving = codeOf(receiveTree(far, receiver));
      for (const head of [{ ...open, tree: "azds-aaaaaa/c" }, told[1], { type: "commit" }])
        await sendMessage(near, head);
      expect(await receiving).toBe("SYNC_FAILED");
      expect(readFileSync(join(tree, "f"), "utf8")).toBe("old");
    });
  });
});

function hashOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/** Runs `work` before the first bytes leave. */
function atFirstWrite(work: () => void): (stream: ByteStream) => ByteStream {
  let done = false;
  return (stream) => ({
    ...stream,
    write: (bytes) => {
      if (!done) work();
      done = true;
      return stream.write(bytes);
    },
  });
}

/** Breaks after `size` bytes written. */
function cutAfter(stream: ByteStream, size: number): ByteStream {
  let left = size;
  return {
    ...stream,
    write: async (bytes) => {
      await stream.write(bytes.subarray(0, left));
      left -= bytes.length;
      if (left > 0) return;
      stream.abort();
      throw new AzdsError("CONNECTION_LOST", "cut");
    },
  };
}
