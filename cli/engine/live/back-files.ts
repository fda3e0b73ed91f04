/** Files on the developer's disk that come from a container: looked at, made whole beside their place, put there by rename. */
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { AzdsError } from "../../../core/errors.ts";
import { OWN_PREFIX } from "../../../core/sync/back-globs.ts";
import { type HashedFile, hashedFile, hashPath, looksSame } from "../../../core/sync/scan.ts";
import type { Place } from "./back-plan.ts";

/** What lies at `path` below `root`. No symlink is followed: it may lead out of the folder. */
export async function lookAtPlace(root: string, path: string): Promise<Place> {
  if (process.platform === "win32" && /[\\:*?"<>|]/.test(path))
    return { kind: "closed", why: "its name cannot be one here" };
  const parts = path.split("/");
  for (let depth = 1; depth < parts.length; depth += 1) {
    const folder = parts.slice(0, depth).join("/");
    const stats = lookAt(join(root, folder));
    if (stats === undefined) return { kind: "absent" };
    if (!stats.isDirectory())
      return { kind: "closed", why: `\`${folder}\` is ${stats.isSymbolicLink() ? "a symlink" : "no folder"} here` };
  }
  const stats = lookAt(join(root, path));
  if (stats === undefined) return { kind: "absent" };
  if (!stats.isFile()) return { kind: "closed", why: `it is ${stats.isSymbolicLink() ? "a symlink" : "no file"} here` };
  const hashed = await hashPath(join(root, path));
  return hashed === undefined
    ? { kind: "closed", why: "the one here cannot be read" }
    : { kind: "file", sha256: hashed.sha256, mode: stats.mode & 0o777 };
}

export interface NewFile {
  readonly root: string;
  readonly path: string;
  readonly mode: number;
  readonly sha256: string;
}

/**
 * Writes the content beside its place. Nothing is left of it when that fails.
 * @returns the path of what was written
 * @throws AzdsError PROTOCOL when the bytes are not what the hash says; what `chunks` throws; what the system says
 */
export async function writeBeside(file: NewFile, chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const final = join(file.root, file.path);
  mkdirSync(dirname(final), { recursive: true });
  const beside = join(dirname(final), `${OWN_PREFIX}${process.pid}-${file.sha256.slice(0, 16)}`);
  rmSync(beside, { force: true });
  const descriptor = openSync(beside, "wx", 0o600);
  try {
    await writeAll(descriptor, file.sha256, chunks);
    chmodSync(beside, file.mode);
    return beside;
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

/** Takes all of the bytes, also when they cannot be written: others follow them. Closes the file. */
async function writeAll(descriptor: number, sha256: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const hasher = new Bun.CryptoHasher("sha256");
  let failure: { readonly error: unknown } | undefined;
  try {
    for await (const chunk of chunks) {
      hasher.update(chunk);
      failure ??= failureOf(() => {
        for (let at = 0; at < chunk.length;) at += writeSync(descriptor, chunk, at);
      });
    }
  } finally {
    closeSync(descriptor);
  }
  if (failure !== undefined) throw failure.error;
  if (hasher.digest("hex") !== sha256)
    throw new AzdsError("PROTOCOL", "The peer sent a content that is not what its hash says");
}

function failureOf(work: () => void): { readonly error: unknown } | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return { error };
  }
}

/** Puts what `writeBeside` made into its place. What it looks like there. */
export function putInPlace(beside: string, { root, path, sha256 }: NewFile): HashedFile {
  const final = join(root, path);
  renameSync(beside, final);
  return hashedFile(lstatSync(final, { bigint: true }), sha256);
}

/** Whether the file is still the one that was put there. */
export function isUntouched(root: string, path: string, put: HashedFile): boolean {
  const stats = lstatSync(join(root, path), { bigint: true, throwIfNoEntry: false });
  return stats?.isFile() === true && looksSame(stats, put);
}

function lookAt(full: string): Stats | undefined {
  return lstatSync(full, { throwIfNoEntry: false });
}
