/** One look at the files that may come back: those that the container made or changed, and the folders they may lie in. */
import { type BigIntStats, lstatSync, readdirSync } from "node:fs";
import { AzdsError } from "../../../core/errors.ts";
import { nextTurn } from "../../../core/host/turn.ts";
import {
  FILES_PER_TURN,
  SYNC_BACK_BYTES_MAX,
  SYNC_BACK_FILE_BYTES_MAX,
  SYNC_BACK_FILES_MAX,
  SYNC_BACK_LOOKED_MAX,
  SYNC_BACK_SETTLE_MS,
} from "../../../core/limits.ts";
import type { BackFile } from "../../../core/sync/back.ts";
import type { BackGlobs } from "../../../core/sync/back-globs.ts";
import { type HashedFile, hashPath, looksSame } from "../../../core/sync/scan.ts";
import type { TrackedTree } from "../tracked-tree.ts";

export interface LookedAt {
  readonly target: string;
  readonly tracked: Pick<TrackedTree, "get">;
  /** Of files that were read before; kept up to date. */
  readonly hashes: Map<string, HashedFile>;
  /** Milliseconds since the epoch. What nobody brought there and was not touched since is the image's own. */
  readonly startedAt: number;
  readonly now: () => number;
}

export interface Look {
  readonly files: readonly BackFile[];
  /** Relative; the root is "". */
  readonly folders: readonly string[];
  /** Some file is left out, because it was written to a moment ago. */
  readonly unsettled: boolean;
}

/** @throws AzdsError SYNC_BACK_LIMIT */
export async function lookForBack(globs: BackGlobs, at: LookedAt): Promise<Look> {
  const look = { files: [] as BackFile[], folders: [] as string[], unsettled: false };
  let [looked, bytes] = [0, 0];
  const pending = [""];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    look.folders.push(folder);
    for (const { name, isFolder, isFile } of readFolder(`${at.target}/${folder}`)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      looked += 1;
      if (looked > SYNC_BACK_LOOKED_MAX)
        throw limit(`they lie among more than ${SYNC_BACK_LOOKED_MAX} files and folders`);
      if (looked % FILES_PER_TURN === 0) await nextTurn();
      if (isFolder && globs.mayHold(path)) pending.push(path);
      if (!isFile || !globs.matches(path)) continue;
      const file = await lookAtFile(path, at);
      if (file === "unsettled") look.unsettled = true;
      if (file === undefined || file === "unsettled") continue;
      look.files.push(file);
      bytes += file.size;
      if (look.files.length > SYNC_BACK_FILES_MAX) throw limit(`they are more than ${SYNC_BACK_FILES_MAX}`);
      if (bytes > SYNC_BACK_BYTES_MAX) throw limit(`they have more than ${SYNC_BACK_BYTES_MAX} bytes`);
    }
  }
  return look;
}

/** `undefined` for what is as it was brought there, or as the image has it. */
async function lookAtFile(path: string, at: LookedAt): Promise<BackFile | "unsettled" | undefined> {
  const full = `${at.target}/${path}`;
  const stats = lstatSync(full, { bigint: true, throwIfNoEntry: false });
  if (stats?.isFile() !== true) return undefined;
  const base = at.tracked.get(path)?.entry.sha256;
  const known = at.hashes.get(path);
  const isKnown = known !== undefined && looksSame(stats, known);
  if (isKnown && known.sha256 === base) return undefined;
  if (base === undefined && Number(stats.ctimeMs) < at.startedAt) return undefined;
  if (Number(stats.size) > SYNC_BACK_FILE_BYTES_MAX)
    throw limit(`\`${path}\` has more than ${SYNC_BACK_FILE_BYTES_MAX} bytes`);
  const age = at.now() - Number(stats.ctimeMs);
  // A clock that was set back makes files of the future, which are as old as any.
  if (age >= 0 && age < SYNC_BACK_SETTLE_MS) return "unsettled";
  const hashed = isKnown ? known : await hashPath(full);
  if (hashed === undefined || !isAsHashed(full, hashed)) return "unsettled";
  at.hashes.set(path, hashed);
  if (hashed.sha256 === base) return undefined;
  const { size, sha256 } = hashed;
  return { path, mode: Number(stats.mode) & 0o777, size, sha256, ...(base === undefined ? {} : { base }) };
}

function isAsHashed(full: string, hashed: HashedFile): boolean {
  const stats: BigIntStats | undefined = lstatSync(full, { bigint: true, throwIfNoEntry: false });
  return stats !== undefined && looksSame(stats, hashed);
}

interface Name {
  readonly name: string;
  readonly isFolder: boolean;
  readonly isFile: boolean;
}

/** Empty for a folder that is gone or may not be read. No symlink is followed. */
function readFolder(full: string): readonly Name[] {
  try {
    const entries = readdirSync(full, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory(), isFile: entry.isFile() }));
  } catch {
    return [];
  }
}

function limit(why: string): AzdsError {
  return new AzdsError("SYNC_BACK_LIMIT", `The files that \`container.syncBack\` names do not come back: ${why}`);
}
