/** One sync into the live tree, whole or as a difference. */
import { lstatSync } from "node:fs";
import { AzdsError } from "../../core/errors.ts";
import { nextTurn } from "../../core/host/turn.ts";
import { FILES_PER_TURN } from "../../core/limits.ts";
import { type Manifest, type TreeEntry, comparePaths } from "../../core/sync/manifest.ts";
import type { Committed, FailedPath } from "../../core/sync/messages.ts";
import type { Blob, DifferenceTarget, TreeChanges, TreeTarget } from "../../core/sync/receive.ts";
import { nativePath } from "../../core/sync/native-path.ts";
import { looksSame } from "../../core/sync/scan.ts";
import { fileMode } from "./file-mode.ts";
import type { LiveTree } from "./live-tree.ts";
import { type StagedFile, STAGING_NAME } from "./staging.ts";
import { explainSystemError } from "./system-error.ts";
import { type StoredContent, type TrackedPath, folderOf } from "./tracked-tree.ts";
import { TreeInspector, type Verdict } from "./tree-inspector.ts";
import { TreeWriter } from "./tree-writer.ts";

interface ReceivedContent {
  readonly staged: StagedFile;
  readonly stored: StoredContent | undefined;
}

/** `kept`: it came from here, and is only remembered. */
type Deed = Verdict | "kept";

/** What is done to the disk, and what is only remembered. */
interface Plan {
  /** Deepest first. */
  readonly remove: readonly string[];
  /** Folders first; `mode`: the file's content is right. */
  readonly write: readonly { readonly entry: TreeEntry; readonly verdict: Deed }[];
  readonly failed: FailedPath[];
}

export class LiveSync implements TreeTarget {
  readonly #tree: LiveTree;
  readonly #release: () => void;
  readonly #contents = new Map<string, ReceivedContent>();
  /** What was seen of a manifest's entries, so that a commit does not look again. */
  readonly #seen = new Map<string, { readonly entry: TreeEntry; readonly verdict: Verdict }>();
  readonly difference: DifferenceTarget;

  constructor(tree: LiveTree, release: () => void) {
    this.#tree = tree;
    this.#release = release;
    this.difference = { revision: tree.revision, commit: (changes) => this.#commitChanges(changes) };
  }

  async lacks(manifest: Manifest): Promise<readonly string[]> {
    const lacking = new Set<string>();
    for (const { entry, verdict } of await this.#inspect(manifest)) {
      if (entry.sha256 !== undefined && verdict === "differs" && !this.#contents.has(entry.sha256))
        lacking.add(entry.sha256);
    }
    return [...lacking];
  }

  async putBlob({ sha256, size }: Blob, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { staging } = this.#tree;
    const start = this.#tree.withJournal((journal) => journal.size);
    const kept = this.#tree.withJournal((journal) => journal.beginContent(sha256, size));
    const file = staging.create(sha256);
    const hasher = new Bun.CryptoHasher("sha256");
    try {
      for await (const chunk of chunks) {
        hasher.update(chunk);
        file.write(chunk);
        if (kept !== undefined) this.#tree.withJournal(() => kept.write(chunk));
      }
      if (hasher.digest("hex") !== sha256)
        throw new AzdsError("PROTOCOL", "The peer sent a content that is not what its hash says");
      const stored = this.#tree.keepsContents ? kept?.stored : undefined;
      this.#contents.set(sha256, { staged: file.close(), stored });
    } catch (error) {
      file.close();
      if (start !== undefined) this.#tree.withJournal((journal) => journal.cutTo(start));
      throw error;
    }
  }

  async commit(manifest: Manifest): Promise<Committed> {
    const entries = await this.#inspect(manifest);
    const wanted = new Set(manifest.entries.map((entry) => entry.path));
    const remove = [...this.#tree.tracked.paths()].filter((path) => !wanted.has(path));
    remove.sort((a, b) => comparePaths(b, a));
    const write = entries
      .filter(({ entry, verdict }) => verdict !== "right" || !this.#isTracked(entry))
      .map(({ entry, verdict }) => ({ entry, verdict: this.#deed(entry, verdict) }));
    return this.#run({ remove, write, failed: [] });
  }

  async close(): Promise<void> {
    try {
      await this.#tree.tidy();
    } finally {
      this.#release();
    }
  }

  async #commitChanges(changes: TreeChanges): Promise<Committed> {
    const { tracked } = this.#tree;
    const written = new Map(changes.write.map((entry) => [entry.path, entry]));
    const gone = new Set<string>();
    const leave = (paths: Iterable<string>): void => {
      for (const path of paths) if (!written.has(path)) gone.add(path);
    };
    for (const path of changes.remove) leave(tracked.from(path));
    for (const { path, kind } of changes.write) if (kind !== "directory") leave(tracked.below(path));
    const isFolder = (path: string): boolean => {
      const entry = written.get(path) ?? (gone.has(path) ? undefined : tracked.get(path)?.entry);
      return path === "" || entry?.kind === "directory";
    };
    const failed: FailedPath[] = [];
    const write: Plan["write"][number][] = [];
    for (const entry of changes.write) {
      if (isFolder(folderOf(entry.path))) write.push({ entry, verdict: this.#deed(entry, "differs") });
      else failed.push({ path: entry.path, why: "Its folder is not in the container" });
    }
    return this.#run({ remove: [...gone], write, failed });
  }

  async #inspect(manifest: Manifest): Promise<readonly { readonly entry: TreeEntry; readonly verdict: Verdict }[]> {
    const inspector = new TreeInspector(this.#tree);
    const inspected: { readonly entry: TreeEntry; readonly verdict: Verdict }[] = [];
    for (const [index, entry] of manifest.entries.entries()) {
      const seen = this.#seen.get(entry.path);
      if (seen?.entry !== entry) this.#seen.set(entry.path, { entry, verdict: await inspector.inspect(entry) });
      inspected.push(this.#seen.get(entry.path) ?? { entry, verdict: "differs" });
      if (index % FILES_PER_TURN === 0) await nextTurn();
    }
    return inspected;
  }

  #deed(entry: TreeEntry, verdict: Verdict): Deed {
    return verdict === "differs" && this.#cameFromHere(entry) ? "kept" : verdict;
  }

  /** A file that was told to the developer's machine, where it comes from now: it is tracked, and not written again. */
  #cameFromHere(entry: TreeEntry): boolean {
    const { path, kind, sha256 } = entry;
    const known = this.#tree.hashes.get(path);
    if (kind !== "file" || known === undefined || known.sha256 !== sha256) return false;
    const stats = lstatSync(nativePath(`${this.#tree.target}/${path}`), { bigint: true, throwIfNoEntry: false });
    if (stats?.isFile() !== true || !looksSame(stats, known)) return false;
    const mode = Number(stats.mode) & 0o777;
    return fileMode(entry, this.#tree.tracked.get(path), mode) === mode;
  }

  #isTracked(entry: TreeEntry): boolean {
    const before = this.#tree.tracked.get(entry.path)?.entry;
    if (before === undefined || before.kind !== entry.kind || before.mode !== entry.mode) return false;
    return before.sha256 === entry.sha256 && before.target === entry.target;
  }

  async #run({ remove, write, failed }: Plan): Promise<Committed> {
    const removed: string[] = [];
    const written: TrackedPath[] = [];
    let [changed, steps] = [0, 0];
    const attempt = async (path: string, work: () => void): Promise<void> => {
      try {
        work();
      } catch (error) {
        failed.push({ path, why: explainSystemError(error) });
      }
      steps += 1;
      if (steps % FILES_PER_TURN === 0) await nextTurn();
    };
    const remover = this.#writer();
    for (const path of remove) {
      await attempt(path, () => {
        remover.remove(path, this.#tree.tracked.get(path)?.entry.kind ?? "file");
        removed.push(path);
      });
    }
    const writer = this.#writer();
    const uses = countUses(write);
    for (const { entry, verdict } of write) {
      if (entry.path === STAGING_NAME || entry.path.startsWith(`${STAGING_NAME}/`)) {
        failed.push({ path: entry.path, why: "The name is azds's own" });
        continue;
      }
      await attempt(entry.path, () => {
        written.push(this.#write(writer, { entry, verdict, uses }));
        if (verdict !== "right" && verdict !== "kept") changed += 1;
      });
    }
    if (removed.length + written.length > 0) this.#tree.commit({ removed, written });
    return { written: changed, deleted: removed.length, revision: this.#tree.revision, failed };
  }

  #write(
    writer: TreeWriter,
    { entry, verdict, uses }: { entry: TreeEntry; verdict: Deed; uses: Map<string, number> },
  ): TrackedPath {
    const before = this.#tree.tracked.get(entry.path);
    if (entry.kind === "directory") return trackedPath(entry, { mode: writer.writeFolder(entry, before) });
    if (entry.kind === "symlink") {
      if (verdict !== "right") writer.writeSymlink(entry);
      return trackedPath(entry, {});
    }
    const { path, sha256 = "" } = entry;
    const kept = before?.entry.sha256 === sha256 ? before : undefined;
    if (verdict === "right") return trackedPath(entry, { mode: kept?.mode, content: kept?.content });
    if (verdict === "mode")
      return trackedPath(entry, {
        mode: writer.setMode(entry, fileMode(entry, before, undefined)),
        content: kept?.content,
      });
    const content = this.#contents.get(sha256);
    if (verdict === "kept")
      return trackedPath(entry, { mode: fileMode(entry, before, undefined), content: content?.stored });
    if (content === undefined) throw new AzdsError("PROTOCOL", "Its content was not sent");
    const left = (uses.get(sha256) ?? 1) - 1;
    uses.set(sha256, left);
    const staged = left === 0 ? content.staged : this.#tree.staging.copy(content.staged);
    const { mode, hashed } = writer.writeFile(entry, staged, { before });
    this.#tree.hashes.set(path, hashed);
    return trackedPath(entry, { mode, content: this.#tree.keepsContents ? content.stored : undefined });
  }

  #writer(): TreeWriter {
    return new TreeWriter(this.#tree);
  }
}

/** How many paths each content goes to. */
function countUses(write: Plan["write"]): Map<string, number> {
  const uses = new Map<string, number>();
  for (const { entry, verdict } of write) {
    if (entry.sha256 !== undefined && verdict === "differs") uses.set(entry.sha256, (uses.get(entry.sha256) ?? 0) + 1);
  }
  return uses;
}

function trackedPath(
  entry: TreeEntry,
  { mode, content }: { readonly mode?: number | undefined; readonly content?: StoredContent | undefined },
): TrackedPath {
  return { entry, ...(mode === undefined ? {} : { mode }), ...(content === undefined ? {} : { content }) };
}
