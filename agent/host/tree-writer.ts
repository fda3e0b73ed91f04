/**
 * Single paths of the target, as the sender has them. Every folder on the way is looked at, so that nothing is ever
 * written or removed through a symlink. All of it throws what the system says.
 */
import { type Stats, chmodSync, lstatSync, mkdirSync, rmdirSync, unlinkSync } from "node:fs";
import type { TreeEntry } from "../../core/sync/manifest.ts";
import { nativePath } from "../../core/sync/native-path.ts";
import type { HashedFile } from "../../core/sync/scan.ts";
import { accessible, fileMode } from "./file-mode.ts";
import type { StagedFile, Staging } from "./staging.ts";
import { codeOf } from "./system-error.ts";
import { type TrackedPath, type TrackedTree, folderOf } from "./tracked-tree.ts";

export interface TreeWriterPorts {
  readonly target: string;
  readonly tracked: TrackedTree;
  readonly staging: Staging;
}

export class TreeWriter {
  readonly #ports: TreeWriterPorts;
  /** Folders that were seen to be folders in this commit. */
  readonly #folders = new Set<string>([""]);

  constructor(ports: TreeWriterPorts) {
    this.#ports = ports;
  }

  /** Nothing when it is gone or is of another kind by now; a folder stays while something is in it. */
  remove(path: string, kind: TreeEntry["kind"] | "any"): void {
    if (!this.#isFolder(folderOf(path))) return;
    const full = this.#full(path);
    const stats = lookAt(full);
    if (stats === undefined) return;
    const isFolder = stats.isDirectory();
    if (kind !== "any" && isFolder !== (kind === "directory")) return;
    if (!isFolder) return unlinkSync(full);
    this.#folders.delete(path);
    try {
      rmdirSync(full);
    } catch (error) {
      if (codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "EEXIST") throw error;
    }
  }

  /** @returns the mode that was given, or `undefined` where the folder keeps the image's own */
  writeFolder(entry: TreeEntry, before: TrackedPath | undefined): number | undefined {
    this.#makeParents(entry.path);
    const mode = accessible(entry);
    if (this.#makeFolder(entry.path, mode)) return mode;
    // A folder of the image keeps its mode until the sender changes it.
    if (before === undefined || before.entry.kind !== "directory" || before.entry.mode === entry.mode)
      return before?.mode;
    chmodSync(this.#full(entry.path), mode);
    return mode;
  }

  writeSymlink(entry: TreeEntry): void {
    this.#clearWay(entry.path);
    this.#ports.staging.placeSymlink(entry.target ?? "", this.#path(entry.path));
  }

  /** @param mode overrides the one that follows from what is there */
  writeFile(
    entry: TreeEntry,
    staged: StagedFile,
    { before, mode }: { readonly before?: TrackedPath | undefined; readonly mode?: number | undefined },
  ): { readonly mode: number; readonly hashed: HashedFile } {
    const there = this.#clearWay(entry.path);
    const given = mode ?? fileMode(entry, before, there?.isFile() === true ? there.mode & 0o777 : undefined);
    return { mode: given, hashed: this.#ports.staging.placeFile(staged, this.#path(entry.path), given) };
  }

  setMode(entry: TreeEntry, mode: number): number {
    chmodSync(this.#full(entry.path), mode);
    return mode;
  }

  /** Makes the folders above, and removes an empty folder that is in the way; what else lies there. */
  #clearWay(path: string): Stats | undefined {
    this.#makeParents(path);
    const full = this.#full(path);
    const stats = lookAt(full);
    if (stats === undefined || !stats.isDirectory()) return stats;
    rmdirSync(full);
    this.#folders.delete(path);
    return undefined;
  }

  #makeParents(path: string): void {
    const folder = folderOf(path);
    if (this.#folders.has(folder)) return;
    this.#makeParents(folder);
    const tracked = this.#ports.tracked.get(folder);
    this.#makeFolder(folder, tracked === undefined ? 0o755 : (tracked.mode ?? accessible(tracked.entry)));
  }

  /** False when it was there. A file or symlink in its place goes. */
  #makeFolder(path: string, mode: number): boolean {
    const full = this.#full(path);
    const stats = lookAt(full);
    this.#folders.add(path);
    if (stats?.isDirectory() === true) return false;
    this.#folders.delete(path);
    if (stats !== undefined) unlinkSync(full);
    mkdirSync(full);
    chmodSync(full, mode);
    this.#folders.add(path);
    return true;
  }

  #isFolder(path: string): boolean {
    if (this.#folders.has(path)) return true;
    if (!this.#isFolder(folderOf(path)) || lookAt(this.#full(path))?.isDirectory() !== true) return false;
    this.#folders.add(path);
    return true;
  }

  #full(path: string): string | Buffer {
    return nativePath(this.#path(path));
  }

  #path(path: string): string {
    return `${this.#ports.target}/${path}`;
  }
}

function lookAt(full: string | Buffer): Stats | undefined {
  return lstatSync(full, { throwIfNoEntry: false });
}
