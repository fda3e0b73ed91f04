import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { run } from "../run.ts";
import type { Entry } from "./entry.ts";

/** Where every shared library goes, wherever the machine has it: the loader looks there by itself. */
const LIBRARIES = "/usr/lib/x86_64-linux-gnu";
const LOADER = "/usr/lib64/ld-linux-x86-64.so.2";

/** A file of this machine, links followed. */
export function file(path: string, source: string, options: { readonly mode?: number } = {}): Entry {
  const stat = statSync(source);
  return {
    path,
    mode: options.mode ?? stat.mode & 0o7777,
    owner: 0,
    modified: Math.floor(stat.mtimeMs / 1000),
    content: { kind: "file", source: realpathSync(source), size: stat.size },
  };
}

export type TreeOptions = {
  /** Where the folder's content goes in the image. */
  readonly path: string;
  readonly source: string;
  /** Says which paths, relative to the source, stay out with all below them. */
  readonly skip?: (relative: string) => boolean;
};

/** A folder of this machine with everything below it; links stay links, other kinds of files are left out. */
export function tree(options: TreeOptions): Entry[] {
  const walk = (relative: string): Entry[] =>
    readdirSync(join(options.source, relative))
      .map((name) => join(relative, name))
      .filter((child) => !(options.skip?.(child) ?? false))
      .flatMap((child) => {
        const entry = treeEntry(join(options.path, child), join(options.source, child));
        if (entry === undefined) return [];
        return entry.content.kind === "folder" ? [entry].concat(walk(child)) : [entry];
      });
  return walk("");
}

function treeEntry(path: string, source: string): Entry | undefined {
  const stat = lstatSync(source);
  const common = { path, mode: stat.mode & 0o7777, owner: 0, modified: Math.floor(stat.mtimeMs / 1000) };
  if (stat.isDirectory()) return { ...common, content: { kind: "folder" } };
  if (stat.isSymbolicLink()) return { ...common, content: { kind: "link", target: readlinkSync(source) } };
  if (stat.isFile()) return { ...common, content: { kind: "file", source, size: stat.size } };
  return undefined;
}

/** The shared libraries that programs and libraries of this machine load, with the loader. */
export async function sharedLibraries(binaries: readonly string[], extraFolder?: string): Promise<Entry[]> {
  const environment = { PATH: "/usr/bin:/bin", ...(extraFolder === undefined ? {} : { LD_LIBRARY_PATH: extraFolder }) };
  const files = librariesNamedBy(await run(["ldd", ...binaries], { env: environment }));
  return files.map((source) =>
    file(basename(source) === basename(LOADER) ? LOADER : join(LIBRARIES, basename(source)), source),
  );
}

/** Absolute paths in the output of ldd(1), each once. */
export function librariesNamedBy(output: string): string[] {
  const found = output.split("\n").flatMap((line) => /^\s+(?:\S+ => )?(\/\S+) \(0x/.exec(line)?.[1] ?? []);
  return [...new Set(found)];
}
