/**
 * File systems that take names which differ in the case of letters for the same, as macOS and Windows have them. A rename
 * from `Foo` to `foo` is told there by either name, and both are found: only the folder's list says what it is called.
 */
import { lstatSync } from "node:fs";
import { nativePath, readNames } from "../../../core/sync/native-path.ts";

/** What is asked of a file system. */
export interface NameLookup {
  readonly exists: (path: string) => boolean;
  /** Names in a folder; empty where there is none. */
  readonly names: (folder: string) => readonly string[];
}

export function lookupBelow(root: string): NameLookup {
  const at = (path: string): string => (path === "" ? root : `${root}/${path}`);
  return {
    exists: (path) => lstatSync(nativePath(at(path)), { throwIfNoEntry: false }) !== undefined,
    names: (folder) => {
      try {
        return readNames(at(folder));
      } catch {
        return [];
      }
    },
  };
}

/** Whether the file system takes `file`, which is there, by another case of its letters as well. */
export function ignoresCase({ exists, names }: NameLookup, file: string): boolean {
  const other = file.toUpperCase();
  const folder = other.slice(0, Math.max(0, other.lastIndexOf("/")));
  return other !== file && exists(other) && !names(folder).includes(other.slice(other.lastIndexOf("/") + 1));
}

/**
 * Whether one of the paths is not what it was, or not what the folders call it: then only reading all of them tells.
 * @param known paths that were there before
 */
export function areMisnamed(lookup: NameLookup, paths: readonly string[], known: Iterable<string>): boolean {
  const told = new Map(paths.map((path) => [path.toLowerCase(), path]));
  for (const path of known) if ((told.get(path.toLowerCase()) ?? path) !== path) return true;
  return paths.some((path) => lookup.exists(path) && !isNamedSo(lookup, path));
}

function isNamedSo({ names }: NameLookup, path: string): boolean {
  const parts = path.split("/");
  return parts.every((name, depth) => names(parts.slice(0, depth).join("/")).includes(name));
}
