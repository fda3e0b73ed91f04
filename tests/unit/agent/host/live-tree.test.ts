import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Journal } from "../../../../agent/host/journal.ts";
import { LiveTree, type LiveTreeOptions } from "../../../../agent/host/live-tree.ts";
import { SYNC_TREE } from "../../../../core/agent-protocol.ts";
import { receiveTree } from "../../../../core/sync/receive.ts";
import { scanTree } from "../../../../core/sync/scan.ts";
import { type ChangesOptions, type ChangesResult, sendChanges } from "../../../../core/sync/send-changes.ts";
import { type SyncResult, sendTree } from "../../../../core/sync/send.ts";
import { memoryPair } from "../../../fakes/memory-stream.ts";
import { codeOf } from "../../core/wire/support.ts";
import { type Place, withPlace } from "./support.ts";

interface Sides extends Place {
  readonly root: string;
  /** Makes the target the image's again and puts the journal's files into it, as a restart does. */
  readonly restart: () => Promise<LiveTree>;
  readonly said: string[];
}

/** @param image fills the target, as the image does; @param sources fills the sender's folder */
async function withSides(
  fill: { readonly image?: (target: string) => void; readonly sources: (root: string) => void },
  work: (sides: Sides) => Promise<void>,
): Promise<void> {
  await withPlace(async (place) => {
    const { folder, target } = place;
    const root = join(folder, "root");
    mkdirSync(root);
    fill.sources(root);
    fill.image?.(target);
    cpSync(target, join(folder, "image"), { recursive: true, verbatimSymlinks: true });
    const said: string[] = [];
    const restart = async (): Promise<LiveTree> => {
      rmSync(target, { recursive: true });
      cpSync(join(folder, "image"), target, { recursive: true, verbatimSymlinks: true });
      return liveTree({ target, openJournal: (replay) => Journal.open(join(folder, "journal"), replay) }, said);
    };
    await work({ ...place, root, said, restart });
  });
}

async function liveTree(options: Omit<LiveTreeOptions, "say">, said: string[] = []): Promise<LiveTree> {
  const tree = new LiveTree({ ...options, say: (sentence) => Promise.resolve(void said.push(sentence)) });
  await tree.restore();
  return tree;
}

async function syncAll(tree: LiveTree, root: string): Promise<SyncResult> {
  const manifest = await scanTree(root, { ignore: () => false });
  return over(tree, (stream) => sendTree(stream, { tree: SYNC_TREE, root, manifest }));
}

function change(tree: LiveTree, options: Omit<ChangesOptions, "tree" | "base">): Promise<ChangesResult> {
  return over(tree, (stream) => sendChanges(stream, { tree: SYNC_TREE, base: tree.revision, ...options }));
}

async function over<T>(tree: LiveTree, send: (stream: ReturnType<typeof memoryPair>[0]) => Promise<T>): Promise<T> {
  const [near, far] = memoryPair();
  const receiving = receiveTree(far, tree.receiver);
  receiving.catch(() => {});
  const result = await send(near);
  await receiving;
  return result;
}

async function entriesOf(root: string, ...paths: readonly string[]): Promise<ChangesOptions["write"]> {
  const { entries } = await scanTree(root, { ignore: () => false });
  return entries.filter((entry) => paths.includes(entry.path));
}

const text = (folder: string, path: string): string => readFileSync(join(folder, path), "utf8");

describe("LiveTree", () => {
  test("leaves what the image and the application made, and removes only what was synced", async () => {
    const image = (target: string): void => {
      mkdirSync(join(target, "node_modules/x"), { recursive: true });
      writeFileSync(join(target, "image-only"), "image");
    };
    const sources = (root: string): void => {
      mkdirSync(join(root, "src"));
      writeFileSync(join(root, "src/a"), "a");
      writeFileSync(join(root, "b"), "b");
    };
    await withSides({ image, sources }, async ({ root, target, restart }) => {
      const tree = await restart();
      await syncAll(tree, root);
      writeFileSync(join(target, "src/built"), "application");
      rmSync(join(root, "src"), { recursive: true });
      const result = await change(tree, { root, write: [], remove: ["src", "image-only", "never-was"] });
      expect(result).toMatchObject({ kind: "committed", deleted: 2, failed: [] });
      expect(readdirSync(target).toSorted()).toEqual(["b", "image-only", "node_modules", "src"]);
      expect(readdirSync(join(target, "src"))).toEqual(["built"]);
    });
  });

  test("replaces a symlink where a folder or file is wanted, and writes nothing through it", async () => {
    const image = (target: string): void => {
      mkdirSync(join(target, "../outside"));
      writeFileSync(join(target, "../outside/f"), "outside");
      symlinkSync("../outside", join(target, "d"));
      symlinkSync("../outside/f", join(target, "g"));
    };
    const sources = (root: string): void => {
      mkdirSync(join(root, "d"));
      writeFileSync(join(root, "d/f"), "inside");
      writeFileSync(join(root, "g"), "outside");
    };
    await withSides({ image, sources }, async ({ root, target, folder, restart }) => {
      const tree = await restart();
      await syncAll(tree, root);
      const check = (): void => {
        expect(lstatSync(join(target, "d")).isDirectory()).toBe(true);
        expect(lstatSync(join(target, "g")).isFile()).toBe(true);
        expect([text(target, "d/f"), text(folder, "outside/f")]).toEqual(["inside", "outside"]);
      };
      check();
      // The application turns the folder back into a way out: neither a difference nor a removal takes it.
      const detour = (): void => {
        rmSync(join(target, "d"), { recursive: true });
        symlinkSync("../outside", join(target, "d"));
      };
      detour();
      await change(tree, { root, write: await entriesOf(root, "d/f"), remove: [] });
      check();
      detour();
      await change(tree, { root, write: [], remove: ["d"] });
      expect(text(folder, "outside/f")).toBe("outside");
      expect(readlinkSync(join(target, "d"))).toBe("../outside");
    });
  });

  test("keeps a mode that the image gave until the sender changes its own", async () => {
    const image = (target: string): void => {
      writeFileSync(join(target, "run.sh"), "old", { mode: 0o755 });
      writeFileSync(join(target, "same.sh"), "same", { mode: 0o755 });
    };
    const sources = (root: string): void => {
      writeFileSync(join(root, "run.sh"), "new", { mode: 0o644 });
      writeFileSync(join(root, "same.sh"), "same", { mode: 0o644 });
    };
    await withSides({ image, sources }, async ({ root, target, restart }) => {
      const tree = await restart();
      expect(await syncAll(tree, root)).toMatchObject({ files: 1, bytesSent: 3 });
      const mode = (path: string): string => (statSync(join(target, path)).mode & 0o777).toString(8);
      writeFileSync(join(root, "same.sh"), "edited");
      await change(tree, { root, write: await entriesOf(root, "same.sh"), remove: [] });
      expect([mode("run.sh"), mode("same.sh"), text(target, "same.sh")]).toEqual(["755", "755", "edited"]);
      await restart();
      expect([mode("run.sh"), mode("same.sh"), text(target, "same.sh")]).toEqual(["755", "755", "edited"]);
      chmodSync(join(root, "same.sh"), 0o600);
      await change(tree, { root, write: await entriesOf(root, "same.sh"), remove: [] });
      expect(mode("same.sh")).toBe("600");
    });
  });

  test("keeps no content that the image has, and brings back edits and removals after a restart", async () => {
    const image = (target: string): void => {
      writeFileSync(join(target, "big"), "x".repeat(500_000));
      writeFileSync(join(target, "old"), "old");
      writeFileSync(join(target, "edited"), "before");
    };
    const sources = (root: string): void => {
      image(root);
    };
    await withSides({ image, sources }, async ({ root, target, folder, restart }) => {
      const tree = await restart();
      expect(await syncAll(tree, root)).toMatchObject({ files: 0, bytesSent: 0 });
      writeFileSync(join(root, "edited"), "after");
      await change(tree, { root, write: await entriesOf(root, "edited"), remove: ["old"] });
      expect(statSync(join(folder, "journal")).size).toBeLessThan(2_000);
      await restart();
      expect([text(target, "edited"), existsSync(join(target, "old"))]).toEqual(["after", false]);
    });
  });

  test("refuses a difference to another tree than it has, and changes nothing", async () => {
    const sources = (root: string): void => writeFileSync(join(root, "f"), "f");
    await withSides({ sources }, async ({ root, target, restart }) => {
      const tree = await restart();
      const base = tree.revision;
      await syncAll(tree, root);
      const write = await entriesOf(root, "f");
      writeFileSync(join(root, "f"), "x".repeat(20_000_000));
      const options = { tree: SYNC_TREE, base, root, write, remove: [] };
      expect(await over(tree, (stream) => sendChanges(stream, options))).toEqual({ kind: "stale" });
      expect(text(target, "f")).toBe("f");
    });
  });

  test("sends a small file as it is now, and leaves a large one that changed as it was", async () => {
    const sources = (root: string): void => {
      for (const name of ["small", "large", "gone", "turned"]) writeFileSync(join(root, name), "old");
    };
    await withSides({ sources }, async ({ root, target, restart }) => {
      const tree = await restart();
      await syncAll(tree, root);
      writeFileSync(join(root, "large"), "1".repeat(3_000_000));
      const write = await entriesOf(root, "small", "large", "gone", "turned");
      writeFileSync(join(root, "large"), "2".repeat(3_000_000));
      writeFileSync(join(root, "small"), "new");
      rmSync(join(root, "gone"));
      rmSync(join(root, "turned"));
      symlinkSync("small", join(root, "turned"));
      expect(await change(tree, { root, write, remove: [] })).toMatchObject({
        failed: [{ path: "large", why: "It changed while it was read" }],
        written: 2,
        deleted: 1,
      });
      expect([text(target, "small"), text(target, "large"), text(target, "turned")]).toEqual(["new", "old", "new"]);
      expect(existsSync(join(target, "gone"))).toBe(false);
    });
  });

  test("tells which paths it could not write, and writes all others", async () => {
    const image = (target: string): void => {
      mkdirSync(join(target, "way/node_modules"), { recursive: true });
    };
    const sources = (root: string): void => {
      writeFileSync(join(root, "way"), "a folder is there");
      writeFileSync(join(root, "fine"), "fine");
      writeFileSync(join(root, ".azds-sync"), "ours");
    };
    await withSides({ image, sources }, async ({ root, target, restart }) => {
      const { failed } = await syncAll(await restart(), root);
      expect(failed).toEqual([
        { path: ".azds-sync", why: "The name is azds's own" },
        { path: "way", why: "A folder is there, with files that were not synced" },
      ]);
      expect(text(target, "fine")).toBe("fine");
    });
  });

  test("renames a new file into place, which is what watchers look for, and leaves nothing beside it", async () => {
    const sources = (root: string): void => writeFileSync(join(root, "f"), "1");
    await withSides({ sources }, async ({ root, target, restart }) => {
      const tree = await restart();
      await syncAll(tree, root);
      const before = statSync(join(target, "f")).ino;
      writeFileSync(join(root, "f"), "2");
      await change(tree, { root, write: await entriesOf(root, "f"), remove: [] });
      expect(statSync(join(target, "f")).ino).not.toBe(before);
      expect(readdirSync(target)).toEqual(["f"]);
    });
  });

  test("goes on without a journal where none can be kept, and says so once", async () => {
    await withPlace(async ({ folder, target }) => {
      writeFileSync(join(folder, "file"), "");
      writeFileSync(join(target, "f"), "1");
      const said: string[] = [];
      const openJournal: LiveTreeOptions["openJournal"] = (replay) =>
        Journal.open(join(folder, "file/journal"), replay);
      const tree = await liveTree({ target, openJournal }, said);
      mkdirSync(join(folder, "root"));
      writeFileSync(join(folder, "root/f"), "2");
      await syncAll(tree, join(folder, "root"));
      expect(text(target, "f")).toBe("2");
      expect(said).toEqual(["synced files cannot be kept for a restart of the container (EEXIST)"]);
    });
  });

  test("refuses syncs into a folder that cannot be written", async () => {
    await withPlace(async ({ target }) => {
      const tree = await liveTree({ target, refusal: "User 1000 may not write in `/app`" });
      expect(await codeOf(tree.receiver.open(SYNC_TREE))).toBe("SYNC_TARGET_UNWRITABLE");
    });
  });
});

/** Mounts need privileges that root in a container may lack. */
function mounted(folder: string): boolean {
  return Bun.spawnSync(["mount", "-t", "tmpfs", "none", folder]).exitCode === 0;
}

test("Staging puts files and symlinks also into volumes that are mounted below the target", async () => {
  const sources = (root: string): void => {
    mkdirSync(join(root, "volume"));
    writeFileSync(join(root, "volume/f"), "over there", { mode: 0o640 });
    symlinkSync("f", join(root, "volume/l"));
  };
  await withPlace(async ({ folder, target }) => {
    const root = join(folder, "root");
    mkdirSync(root);
    sources(root);
    const volume = join(target, "volume");
    mkdirSync(volume);
    if (!mounted(volume)) return;
    try {
      const tree = await liveTree({ target });
      expect((await syncAll(tree, root)).failed).toEqual([]);
      expect([text(target, "volume/f"), readlinkSync(join(volume, "l"))]).toEqual(["over there", "f"]);
      expect(statSync(join(volume, "f")).mode & 0o777).toBe(0o640);
      expect(readdirSync(volume).toSorted()).toEqual(["f", "l"]);
      const result = await change(tree, { root, write: [], remove: ["volume"] });
      expect(result).toMatchObject({ failed: [{ path: "volume", why: "Something is mounted there" }] });
      expect(readdirSync(volume)).toEqual([]);
    } finally {
      Bun.spawnSync(["umount", volume]);
    }
  });
});
