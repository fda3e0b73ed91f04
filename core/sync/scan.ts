/** Reads a folder into a manifest. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type BigIntStats } from "node:fs";
import { AzdsError } from "../errors.ts";
import { nextTurn } from "../host/turn.ts";
import {
  HASH_CACHE_AGE_MS_MIN,
  FILES_PER_TURN,
  SYNC_FILES_MAX,
  SYNC_FILE_BYTES_MAX,
  SYNC_READS_MAX,
} from "../limits.ts";
import { type Manifest, type TreeEntry, comparePaths } from "./manifest.ts";
import { nativePath, readLink, readNames } from "./native-path.ts";

/** What was known of a file when it was hashed; numbers beyond 2^53 as text, so that it can be kept as JSON. */
export interface HashedFile {
  readonly size: number;
  readonly mtimeNs: string;
  /** When the system itself noted a change last, which no program can set. Absent where a rename follows, which counts. */
  readonly ctimeNs?: string;
  readonly inode: string;
  readonly sha256: string;
}

/** By path; a file that looks the same is not read again. */
export type HashCache = Readonly<Record<string, HashedFile>>;

export interface ScanOptions {
  /** Leaves out a path and, for a folder, all below it. A folder that holds something wanted must not be ignored. */
  readonly ignore: (path: string, isDirectory: boolean) => boolean;
  readonly signal?: AbortSignal;
  /** `hashes` of an earlier scan of the same folder. */
  readonly hashes?: HashCache;
}

export interface ScannedTree extends Manifest {
  /** For the next scan. */
  readonly hashes: HashCache;
}

/**
 * Files, symlinks and folders below `root`; sockets, pipes and devices are left out, and so is what goes away meanwhile.
 * @throws AzdsError SOURCE_UNREADABLE naming the file, the signal's reason after its abort
 */
export async function scanTree(root: string, options: ScanOptions): Promise<ScannedTree> {
  const entries: TreeEntry[] = [];
  const hashes: Record<string, HashedFile> = {};
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const name of await readFolder(root, folder)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const scanned = await scanPath(root, path, options);
      if (scanned === undefined) continue;
      entries.push(scanned.entry);
      if (scanned.entry.kind === "directory") folders.push(path);
      if (scanned.hashed !== undefined) hashes[path] = scanned.hashed;
      if (entries.length % FILES_PER_TURN === 0) await nextTurn(options.signal);
      if (entries.length > SYNC_FILES_MAX) throw tooMany(root);
    }
  }
  options.signal?.throwIfAborted();
  return { entries: entries.toSorted((a, b) => comparePaths(a.path, b.path)), hashes };
}

/** One path as an entry; `undefined` when it is gone or of a kind that does not travel. */
export async function scanEntry(root: string, path: string): Promise<TreeEntry | undefined> {
  return (await scanPath(root, path, { ignore: () => false }))?.entry;
}

interface Scanned {
  readonly entry: TreeEntry;
  /** Absent for a file so young that it may change without a trace. */
  readonly hashed?: HashedFile;
}

async function scanPath(root: string, path: string, options: ScanOptions): Promise<Scanned | undefined> {
  const full = `${root}/${path}`;
  return reading(path, () => {
    const stats = lstatSync(nativePath(full), { bigint: true });
    if (options.ignore(path, stats.isDirectory())) return undefined;
    const mode = Number(stats.mode) & 0o777;
    if (stats.isDirectory()) return { entry: { path, kind: "directory", mode, size: 0 } };
    if (stats.isSymbolicLink())
      return { entry: { path, kind: "symlink", mode: 0o777, size: 0, target: readLink(full) } };
    if (!stats.isFile()) return undefined;
    const known = options.hashes?.[path];
    if (known === undefined || !looksSame(stats, known)) return scanFile(full, path, options.signal);
    return { entry: { path, kind: "file", mode, size: known.size, sha256: known.sha256 }, hashed: known };
  });
}

/** The hash of one file, and what it looked like then; `undefined` when there is no such file that can be read. */
export async function hashPath(full: string): Promise<HashedFile | undefined> {
  let file: number;
  try {
    file = openSync(nativePath(full), OPEN_FLAGS);
  } catch {
    return undefined;
  }
  try {
    const stats = fstatSync(file, { bigint: true });
    return stats.isFile() ? await hashFile(file, stats, undefined) : undefined;
  } finally {
    closeSync(file);
  }
}

/** What was a file when it was listed may be a symlink or a pipe by now. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

async function scanFile(full: string, path: string, signal: AbortSignal | undefined): Promise<Scanned> {
  const file = openSync(nativePath(full), OPEN_FLAGS);
  try {
    for (let reads = 1; ; reads += 1) {
      const stats = fstatSync(file, { bigint: true });
      const hashed = await hashFile(file, stats, signal);
      if (reads < SYNC_READS_MAX && !looksSame(fstatSync(file, { bigint: true }), hashed)) continue;
      const { size, sha256 } = hashed;
      if (size > SYNC_FILE_BYTES_MAX)
        throw new AzdsError("SOURCE_UNREADABLE", `\`${path}\` is larger than ${SYNC_FILE_BYTES_MAX} bytes`);
      const entry: TreeEntry = { path, kind: "file", mode: Number(stats.mode) & 0o777, size, sha256 };
      const young = Date.now() - Number(stats.mtimeMs) < HASH_CACHE_AGE_MS_MIN;
      return young ? { entry } : { entry, hashed: { ...hashed, ctimeNs: String(stats.ctimeNs) } };
    }
  } finally {
    closeSync(file);
  }
}

/** For a cache: the file that looks like this holds `sha256`. */
export function hashedFile(stats: BigIntStats, sha256: string): HashedFile {
  return { size: Number(stats.size), mtimeNs: String(stats.mtimeNs), inode: String(stats.ino), sha256 };
}

export function looksSame(stats: BigIntStats, known: HashedFile): boolean {
  return (
    Number(stats.size) === known.size &&
    String(stats.mtimeNs) === known.mtimeNs &&
    String(stats.ino) === known.inode &&
    (known.ctimeNs === undefined || String(stats.ctimeNs) === known.ctimeNs)
  );
}

const READ_BYTES = 1024 * 1024;
/** Bytes of one file read before other work gets its turn. */
const TURN_BYTES = 16 * READ_BYTES;

/** Of as many bytes as `stats` tells: a log that grows meanwhile has a hash all the same. */
async function hashFile(file: number, stats: BigIntStats, signal: AbortSignal | undefined): Promise<HashedFile> {
  const end = Number(stats.size);
  const hasher = new Bun.CryptoHasher("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(end, READ_BYTES));
  let size = 0;
  while (size < end) {
    const count = readSync(file, buffer, 0, Math.min(buffer.length, end - size), size);
    if (count === 0) break;
    hasher.update(buffer.subarray(0, count));
    size += count;
    if (size % TURN_BYTES === 0) await nextTurn(signal);
  }
  return { ...hashedFile(stats, hasher.digest("hex")), size };
}

async function readFolder(root: string, folder: string): Promise<readonly string[]> {
  return (await reading(folder, () => readNames(folder === "" ? root : `${root}/${folder}`))) ?? [];
}

/** `undefined` for what is gone or has become something else since it was listed. */
async function reading<T>(path: string, read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
    if (code === undefined || cause instanceof AzdsError) throw cause;
    if (path !== "" && GONE.has(code)) return undefined;
    throw new AzdsError("SOURCE_UNREADABLE", `\`${path === "" ? "." : path}\` cannot be read (${code})`, { cause });
  }
}

const GONE: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "EINVAL", "ELOOP", "ENXIO"]);

function tooMany(root: string): AzdsError {
  return new AzdsError("SOURCE_UNREADABLE", `\`${root}\` holds more than ${SYNC_FILES_MAX} files`);
}
