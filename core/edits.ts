/**
 * Edits: what was brought into the containers of a session since their image was built, so that a new pod can have it,
 * too. They travel as a synced tree of their own, named after the build, which holds what is new or differs with the
 * folders above it; for what was removed it holds symlinks that name the path.
 */
import { AzdsError } from "./errors.ts";
import { asNumber, asString, member } from "./parse.ts";
import type { SessionTag } from "./session.ts";
import { type Manifest, type TreeEntry, comparePaths, isSameEntry, parseEntry } from "./sync/manifest.ts";

/** No sender's file can be called so: it is the agent's own folder while it writes. */
const OWN_FOLDER = ".azds-sync";
const REMOVED_FOLDER = `${OWN_FOLDER}/removed`;

/** In EDITS_FOLDER: the entries of the tree as JSON. Beside it lies each content under its hash. */
export const EDITS_MANIFEST = "manifest.json";

export interface Edits {
  /** Folders first. */
  readonly written: readonly TreeEntry[];
  /** Deepest first. */
  readonly removed: readonly string[];
}

/** What is known of the edits of a build, for comparing and for people. */
export interface EditsSummary {
  /** Files written and paths removed. */
  readonly edits: number;
  /** Of the content: the same in all places that have the same. */
  readonly id: string;
}

/** The edits of one build are never taken for those of another. */
export function editsTree({ session, build }: SessionTag): string {
  return `${session}/edits-${build}`;
}

/** Entries by path, in any order. */
export type Entries = ReadonlyMap<string, TreeEntry>;

export function entriesOf({ entries }: Manifest): Entries {
  return new Map(entries.map((entry) => [entry.path, entry]));
}

/**
 * The tree that turns a container with `built` into one with `now`. It is made after every save, of trees in which
 * hardly anything differs.
 * @param counts whether an entry that differs lives in the container; by default all do
 */
export function editsManifest(
  built: Entries,
  now: Entries,
  counts: (entry: TreeEntry) => boolean = () => true,
): Manifest {
  const entries = new Map<string, TreeEntry>();
  for (const entry of now.values()) {
    if (isSameEntry(built.get(entry.path), entry) || isOwn(entry) || !counts(entry)) continue;
    for (const folder of foldersAbove(entry.path)) {
      const above = now.get(folder);
      if (above !== undefined) entries.set(folder, above);
    }
    entries.set(entry.path, entry);
  }
  const removed = [...built.values()].filter((entry) => !now.has(entry.path) && counts(entry));
  for (const path of removed.length === 0 ? [] : [OWN_FOLDER, REMOVED_FOLDER])
    entries.set(path, { path, kind: "directory", mode: 0o755, size: 0 });
  for (const [index, { path }] of removed.entries()) {
    const mark: TreeEntry = { path: `${REMOVED_FOLDER}/${index}`, kind: "symlink", mode: 0o777, size: 0, target: path };
    entries.set(mark.path, mark);
  }
  return { entries: [...entries.values()].toSorted((a, b) => comparePaths(a.path, b.path)) };
}

/** @throws AzdsError PROTOCOL for a removed path that leads out of the tree */
export function readEdits({ entries }: Manifest): Edits {
  const marks = entries.filter((entry) => isOwn(entry) && entry.kind === "symlink");
  const removed = marks.map(({ target }) => parseEntry({ path: target, kind: "directory", mode: 0, size: 0 }).path);
  return {
    written: entries.filter((entry) => !isOwn(entry)),
    removed: removed.toSorted((a, b) => comparePaths(b, a)),
  };
}

export function countEdits(manifest: Manifest): number {
  return manifest.entries.filter(({ kind }) => kind !== "directory").length;
}

/** `undefined` for anything that is none. */
export function parseSummary(value: unknown): EditsSummary | undefined {
  const [edits, id] = [asNumber(member(value, "edits")), asString(member(value, "id"))];
  return edits === undefined || id === undefined ? undefined : { edits, id };
}

/** The same of a text that somebody else may have written. */
export function summaryOf(text: string): EditsSummary | undefined {
  try {
    return parseSummary(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof AzdsError) return undefined;
    throw error;
  }
}

function isOwn({ path }: TreeEntry): boolean {
  return path === OWN_FOLDER || path.startsWith(`${OWN_FOLDER}/`);
}

function foldersAbove(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}
