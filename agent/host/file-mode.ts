/**
 * Which mode a synced path gets. An image may have given a file another mode than its sources have (`RUN chmod +x`): that
 * stays until the sender changes its own.
 */
import type { TreeEntry } from "../../core/sync/manifest.ts";
import type { TrackedPath } from "./tracked-tree.ts";

const EXECUTE = 0o111;

/** With what we need to read files, and to enter and change folders, another time. */
export function accessible({ kind, mode }: TreeEntry): number {
  return kind === "directory" ? mode | 0o700 : mode | 0o400;
}

/**
 * The mode that a file has to have.
 * @param there mode of the file that is there, if one is
 */
export function fileMode(entry: TreeEntry, before: TrackedPath | undefined, there: number | undefined): number {
  const wanted = accessible(entry);
  if (before?.entry.kind === "file" && before.entry.mode === entry.mode) return before.mode ?? there ?? wanted;
  return before === undefined ? wanted | ((there ?? 0) & EXECUTE) : wanted;
}

/** Whether a file that has the right content may keep its mode. */
export function isRightMode(entry: TreeEntry, before: TrackedPath | undefined, there: number): boolean {
  if (before === undefined) return (entry.mode & EXECUTE & ~there) === 0;
  return fileMode(entry, before, there) === there;
}
