/** What a tree of files holds, without the bytes: enough to find what a receiver lacks. */
import { AzdsError } from "../errors.ts";
import { PATH_BYTES_MAX, PATH_SEGMENT_BYTES_MAX, SYNC_FILES_MAX, SYNC_FILE_BYTES_MAX } from "../limits.ts";
import { asNumber, asString, member } from "../parse.ts";
import { isNativePath, nativeLength } from "./native-path.ts";

export interface TreeEntry {
  /** Relative, with `/` between segments; never empty, `.` or `..`. Any bytes: core/sync/native-path.ts. */
  readonly path: string;
  readonly kind: "file" | "symlink" | "directory";
  /** Permission bits; 0o777 at most. */
  readonly mode: number;
  /** Bytes of a file, else 0. */
  readonly size: number;
  /** Of a file: lower-case hex. */
  readonly sha256?: string;
  /** Of a symlink, as it is written. */
  readonly target?: string;
}

/** Sorted by `comparePaths`; each entry's folder comes before it as an entry of its own. */
export interface Manifest {
  readonly entries: readonly TreeEntry[];
}

/** What turns one tree into another. Apply `remove` in its order, then `write` in its order. */
export interface TreeDiff {
  /** Entries that go, or whose kind changes; deepest first. */
  readonly remove: readonly TreeEntry[];
  /** Entries that are new or differ; folders first. */
  readonly write: readonly TreeEntry[];
}

/** By UTF-16 units: a folder comes before what it holds, and the order is the same everywhere. */
export function comparePaths(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Checks an entry that a peer sent. That its folder is a folder is checked by `parseManifest`.
 * @throws AzdsError PROTOCOL
 */
export function parseEntry(value: unknown): TreeEntry {
  const path = asString(member(value, "path")) ?? "";
  const kind = member(value, "kind");
  const mode = asNumber(member(value, "mode")) ?? -1;
  const size = asNumber(member(value, "size")) ?? -1;
  if (!isSafePath(path)) throw refusal(path, "leads out of the tree or cannot be a file");
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) throw refusal(path, "has an invalid mode");
  if (!Number.isInteger(size) || size < 0 || size > SYNC_FILE_BYTES_MAX) throw refusal(path, "has an invalid size");
  switch (kind) {
    case "directory":
      return { path, kind, mode, size: 0 };
    case "symlink":
      return { path, kind, mode, size: 0, target: parseTarget(path, member(value, "target")) };
    case "file":
      return { path, kind, mode, size, sha256: parseHash(member(value, "sha256")) };
    default:
      throw refusal(path, "is of an unknown kind");
  }
}

/**
 * A manifest in order, in which nothing lies below a file or a symlink: a receiver that follows it never writes through
 * a symlink.
 * @throws AzdsError PROTOCOL
 */
export function parseManifest(entries: readonly TreeEntry[]): Manifest {
  if (entries.length > SYNC_FILES_MAX)
    throw new AzdsError("PROTOCOL", `A tree may hold at most ${SYNC_FILES_MAX} entries`);
  const sorted = entries.toSorted((a, b) => comparePaths(a.path, b.path));
  const folders = new Set<string>();
  let previous: string | undefined;
  for (const { path, kind } of sorted) {
    if (path === previous) throw refusal(path, "is there twice");
    const slash = path.lastIndexOf("/");
    if (slash >= 0 && !folders.has(path.slice(0, slash))) throw refusal(path, "lies in no folder of the tree");
    if (kind === "directory") folders.add(path);
    previous = path;
  }
  return { entries: sorted };
}

/** @throws AzdsError PROTOCOL */
export function parseHash(value: unknown): string {
  const hash = asString(value) ?? "";
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new AzdsError("PROTOCOL", "The peer sent something that is no SHA-256");
  return hash;
}

export function diffManifests(current: Manifest, wanted: Manifest): TreeDiff {
  const before = new Map(current.entries.map((entry) => [entry.path, entry]));
  const after = new Map(wanted.entries.map((entry) => [entry.path, entry]));
  return {
    remove: current.entries.filter((entry) => after.get(entry.path)?.kind !== entry.kind).toReversed(),
    write: wanted.entries.filter((entry) => !isSameEntry(before.get(entry.path), entry)),
  };
}

export function isSameEntry(a: TreeEntry | undefined, b: TreeEntry): boolean {
  return a !== undefined && a.kind === b.kind && a.mode === b.mode && a.sha256 === b.sha256 && a.target === b.target;
}

function isSafePath(path: string): boolean {
  if (!isNativePath(path) || nativeLength(path) > PATH_BYTES_MAX) return false;
  return path.split("/").every(isSafeSegment);
}

function isSafeSegment(segment: string): boolean {
  if (segment === "" || segment === "." || segment === "..") return false;
  return !segment.includes("\0") && nativeLength(segment) <= PATH_SEGMENT_BYTES_MAX;
}

function parseTarget(path: string, value: unknown): string {
  const target = asString(value) ?? "";
  if (target === "" || target.includes("\0") || !isNativePath(target) || nativeLength(target) > PATH_BYTES_MAX) {
    throw refusal(path, "is a symlink without a target");
  }
  return target;
}

function refusal(path: string, why: string): AzdsError {
  return new AzdsError("PROTOCOL", `The entry ${JSON.stringify(path.slice(0, PATH_SEGMENT_BYTES_MAX))} ${why}`);
}
