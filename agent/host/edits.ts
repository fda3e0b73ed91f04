/** The first record of a new pod's journal: the edits that `__build` has left for it (core/edits.ts). */
import { closeSync, lstatSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { EDITS_MANIFEST, readEdits } from "../../core/edits.ts";
import { nextTurn } from "../../core/host/turn.ts";
import { FILES_PER_TURN, MESSAGE_BODY_BYTES_MAX } from "../../core/limits.ts";
import { asArray, parseJson } from "../../core/parse.ts";
import { parseEntry, parseManifest, type TreeEntry } from "../../core/sync/manifest.ts";
import { nativePath } from "../../core/sync/native-path.ts";
import { accessible } from "./file-mode.ts";
import type { Journal } from "./journal.ts";
import type { CommitRecord } from "./journal-record.ts";
import { codeOf } from "./system-error.ts";
import type { StoredContent, TrackedPath } from "./tracked-tree.ts";

/**
 * Copies the contents into the journal; what they say takes effect when the journal is restored.
 * @param target folder of the live tree, as the image has it
 * @returns `undefined` when there are none
 * @throws AzdsError PROTOCOL; what the system says
 */
export async function recordEdits(journal: Journal, folder: string, target: string): Promise<CommitRecord | undefined> {
  const text = readManifest(join(folder, EDITS_MANIFEST));
  if (text === undefined) return undefined;
  const entries = asArray(parseJson(text, { code: "PROTOCOL", path: EDITS_MANIFEST })).map(parseEntry);
  const { written, removed } = readEdits(parseManifest(entries));
  const stored = new Map<string, StoredContent>();
  const tracked: TrackedPath[] = [];
  for (const [index, entry] of written.entries()) {
    tracked.push(trackedPath(entry, { journal, folder, target, stored }));
    if (index % FILES_PER_TURN === 0) await nextTurn();
  }
  return { removed, written: tracked };
}

interface Places {
  readonly journal: Journal;
  readonly folder: string;
  readonly target: string;
  /** Contents that the journal has already, by hash. */
  readonly stored: Map<string, StoredContent>;
}

function trackedPath(entry: TreeEntry, { journal, folder, target, stored }: Places): TrackedPath {
  if (entry.kind === "symlink") return { entry };
  if (entry.kind === "directory") {
    // A folder of the image keeps its mode.
    const there = lstatSync(nativePath(`${target}/${entry.path}`), { throwIfNoEntry: false })?.isDirectory() === true;
    return there ? { entry } : { entry, mode: accessible(entry) };
  }
  const { sha256 = "", size } = entry;
  const content = stored.get(sha256) ?? copyContent(journal, join(folder, sha256), { sha256, size });
  stored.set(sha256, content);
  return { entry, content };
}

function copyContent(
  journal: Journal,
  file: string,
  { sha256, size }: { readonly sha256: string; readonly size: number },
): StoredContent {
  const source = openSync(file, "r");
  try {
    const content = journal.beginContent(sha256, size);
    for (let at = 0; at < size;) {
      // A piece of its own each: the journal keeps it until it writes.
      const bytes = new Uint8Array(Math.min(size - at, MESSAGE_BODY_BYTES_MAX));
      const count = readSync(source, bytes);
      if (count === 0) throw new Error(`\`${file}\` is too short`);
      content.write(bytes.subarray(0, count));
      at += count;
    }
    return content.stored;
  } finally {
    closeSync(source);
  }
}

function readManifest(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
