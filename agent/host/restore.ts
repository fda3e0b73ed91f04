/** Puts what a journal holds into the target, whose files are the image's again or, on a volume, already those. */
import { type Stats, lstatSync } from "node:fs";
import { AzdsError } from "../../core/errors.ts";
import { nextTurn } from "../../core/host/turn.ts";
import { FILES_PER_TURN } from "../../core/limits.ts";
import { type TreeEntry, comparePaths } from "../../core/sync/manifest.ts";
import { nativePath, readLink } from "../../core/sync/native-path.ts";
import { type HashedFile, hashPath } from "../../core/sync/scan.ts";
import type { Journal } from "./journal.ts";
import type { StagedFile, Staging } from "./staging.ts";
import { explainSystemError } from "./system-error.ts";
import type { StoredContent, TrackedPath, TrackedTree } from "./tracked-tree.ts";
import { TreeWriter } from "./tree-writer.ts";

interface RestorableTree {
  readonly target: string;
  readonly tracked: TrackedTree;
  readonly tombstones: ReadonlySet<string>;
  readonly hashes: Map<string, HashedFile>;
  readonly staging: Staging;
}

export async function restoreTree(
  tree: RestorableTree,
  journal: Journal,
  say: (sentence: string) => Promise<void>,
): Promise<void> {
  const failures: string[] = [];
  const writer = new TreeWriter(tree);
  const restorer = new Restorer(tree, journal, writer);
  const attempt = async (path: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failures.push(`\`${path}\` (${explainSystemError(error)})`);
    }
  };
  for (const path of [...tree.tombstones].toSorted((a, b) => comparePaths(b, a))) {
    await attempt(path, () => Promise.resolve(writer.remove(path, "any")));
  }
  for (const [index, tracked] of tree.tracked.sorted().entries()) {
    await attempt(tracked.entry.path, () => restorer.restore(tracked));
    if (index % FILES_PER_TURN === 0) await nextTurn();
  }
  tree.staging.remove();
  if (failures.length === 0) return;
  const [first = ""] = failures;
  const others = failures.length === 1 ? "" : ` and ${failures.length - 1} others`;
  await say(`synced files could not be put back after the restart: ${first}${others}`);
}

class Restorer {
  readonly #tree: RestorableTree;
  readonly #journal: Journal;
  readonly #writer: TreeWriter;

  constructor(tree: RestorableTree, journal: Journal, writer: TreeWriter) {
    this.#tree = tree;
    this.#journal = journal;
    this.#writer = writer;
  }

  async restore(tracked: TrackedPath): Promise<void> {
    const { entry, mode } = tracked;
    switch (entry.kind) {
      case "directory":
        this.#writer.writeFolder({ ...entry, mode: mode ?? entry.mode }, undefined);
        if (mode !== undefined) this.#writer.setMode(entry, mode);
        return;
      case "symlink":
        if (!isSymlinkTo(this.#full(entry), entry.target ?? "")) this.#writer.writeSymlink(entry);
        return;
      case "file":
        return this.#restoreFile(tracked);
    }
  }

  async #restoreFile({ entry, mode, content }: TrackedPath): Promise<void> {
    const { path, sha256 = "" } = entry;
    const there = lstatSync(nativePath(this.#full(entry)), { throwIfNoEntry: false });
    if (content === undefined || (await this.#holds(entry, there))) {
      if (mode !== undefined && there?.isFile() === true && (there.mode & 0o777) !== mode)
        this.#writer.setMode(entry, mode);
      return;
    }
    const staged = this.#stage(content, sha256);
    if (staged === undefined) throw new AzdsError("SYNC_FAILED", "The journal is damaged");
    this.#tree.hashes.set(path, this.#writer.writeFile(entry, staged, { mode }).hashed);
  }

  /** Whether the file has the content already, as on a volume. */
  async #holds(entry: TreeEntry, there: Stats | undefined): Promise<boolean> {
    if (there?.isFile() !== true || there.size !== entry.size) return false;
    const hashed = await hashPath(this.#full(entry));
    if (hashed === undefined || hashed.sha256 !== entry.sha256) return false;
    this.#tree.hashes.set(entry.path, hashed);
    return true;
  }

  #full({ path }: TreeEntry): string {
    return `${this.#tree.target}/${path}`;
  }

  /** `undefined` when the journal is damaged there, as after a power cut. */
  #stage(content: StoredContent, sha256: string): StagedFile | undefined {
    const file = this.#tree.staging.create(sha256);
    const hasher = new Bun.CryptoHasher("sha256");
    for (const bytes of this.#journal.read(content)) {
      hasher.update(bytes);
      file.write(bytes);
    }
    const staged = file.close();
    return hasher.digest("hex") === sha256 ? staged : undefined;
  }
}

function isSymlinkTo(full: string, target: string): boolean {
  const stats = lstatSync(nativePath(full), { throwIfNoEntry: false });
  return stats?.isSymbolicLink() === true && readLink(full) === target;
}
