/** Hashes of files between two runs: a file of JSON, by path. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { asNumber, asString, isObject, member } from "../parse.ts";
import type { HashCache, HashedFile } from "./scan.ts";

/** Empty where there are none that can be read: everything is hashed then. */
export function loadHashes(file: string): HashCache {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return isObject(value)
      ? Object.fromEntries(Object.entries(value).flatMap(([path, known]) => parseHashed(path, known)))
      : {};
  } catch {
    // Not written yet, or cut by a power failure.
    return {};
  }
}

/**
 * A reader finds these hashes or those before, whole.
 * @param temporary on the same file system, and nobody else's
 */
export function saveHashes(file: string, hashes: HashCache, temporary: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(temporary, JSON.stringify(hashes), { mode: 0o600 });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function parseHashed(path: string, value: unknown): readonly (readonly [string, HashedFile])[] {
  const size = asNumber(member(value, "size"));
  const mtimeNs = asString(member(value, "mtimeNs"));
  const ctimeNs = asString(member(value, "ctimeNs"));
  const inode = asString(member(value, "inode"));
  const sha256 = asString(member(value, "sha256"));
  if (size === undefined || mtimeNs === undefined || inode === undefined || sha256 === undefined) return [];
  return [[path, { size, mtimeNs, ...(ctimeNs === undefined ? {} : { ctimeNs }), inode, sha256 }]];
}
