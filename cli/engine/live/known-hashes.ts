/**
 * What `azds` remembers of a build context's files from one command to the next, in the user's own folder: those that
 * look the same are not read again.
 */
import { createHash } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { KEPT_HASH_AGE_MS_MIN, KEPT_HASH_CONTEXTS_MAX } from "../../../core/limits.ts";
import { loadHashes, saveHashes } from "../../../core/sync/hash-cache.ts";
import type { HashCache, HashedFile } from "../../../core/sync/scan.ts";

export interface KnownHashes {
  readonly load: () => HashCache;
  /**
   * What may be trusted of what a reading found.
   * @param began milliseconds since the epoch, before the reading
   */
  readonly save: (found: HashCache, began: number) => void;
}

const SUFFIX = ".json";

/** @param folder of the caches of all contexts; made when it is needed */
export function knownHashes(folder: string, root: string): KnownHashes {
  const file = join(folder, `${createHash("sha256").update(root).digest("hex").slice(0, 16)}${SUFFIX}`);
  let loaded: HashCache = {};
  return {
    load: () => (loaded = loadHashes(file)),
    save: (found, began) => {
      const kept = Object.fromEntries(
        Object.entries(found).filter(([path, hashed]) => hashed === loaded[path] || isOld(hashed, began)),
      );
      if (isSame(kept, loaded)) return;
      try {
        saveHashes(file, kept, `${file}.${crypto.randomUUID()}`);
        removeOldest(folder);
      } catch {
        // A full or read-only disk costs the next command its time, and nothing else.
      }
    },
  };
}

/**
 * As git has it of its index ("racy git"): a file that was changed about when it was read may have been changed again
 * within the same tick of the file system's clock, and look the same. `ctimeNs` guards against times that were set.
 */
function isOld({ mtimeNs, ctimeNs }: HashedFile, began: number): boolean {
  const before = BigInt(Math.floor(began - KEPT_HASH_AGE_MS_MIN)) * 1_000_000n;
  return ctimeNs !== undefined && BigInt(mtimeNs) < before && BigInt(ctimeNs) < before;
}

/** A reading passes on the very values that it was given. */
function isSame(kept: HashCache, loaded: HashCache): boolean {
  const paths = Object.keys(kept);
  return paths.length === Object.keys(loaded).length && paths.every((path) => kept[path] === loaded[path]);
}

/** Also what a killed command has left half-written. */
function removeOldest(folder: string): void {
  const files = readdirSync(folder).map((name) => ({ name, at: statSync(join(folder, name)).mtimeMs }));
  for (const { name } of files.toSorted((a, b) => b.at - a.at).slice(KEPT_HASH_CONTEXTS_MAX))
    rmSync(join(folder, name), { force: true });
}
