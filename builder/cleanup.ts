/** Keeps what the builder stores on its node bounded: what nobody used for days goes, and what is too much, oldest first. */
import type { Dirent } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/host/clock.ts";
import type { Log } from "../core/host/log.ts";
import {
  BUILDER_CLEAN_INTERVAL_MS,
  BUILDER_IDLE_MS_MAX,
  BUILDER_IMAGE_RECORDS_MAX,
  BUILDER_NAMESPACE_BYTES_MAX,
} from "../core/limits.ts";
import { namespaceFolders } from "./folders.ts";

export interface Stored {
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly usedAt: number;
}

export interface Bounds {
  readonly idleMsMax: number;
  readonly bytesMax: number;
  readonly countMax: number;
}

/** Trees and blobs: they can be sent again at any time. */
const SOURCE_BOUNDS: Omit<Bounds, "idleMsMax"> = {
  bytesMax: BUILDER_NAMESPACE_BYTES_MAX,
  countMax: Infinity,
};
/** Records must outlive idle weeks: a pod that starts again asks for them. */
const RECORD_BOUNDS: Bounds = { idleMsMax: Infinity, bytesMax: Infinity, countMax: BUILDER_IMAGE_RECORDS_MAX };

/** Paths to remove so that the rest keeps the bounds. */
export function planCleanup(stored: readonly Stored[], bounds: Bounds, now: number): readonly string[] {
  let bytes = 0;
  let count = 0;
  return stored
    .toSorted((a, b) => b.usedAt - a.usedAt)
    .filter((entry) => {
      if (now - entry.usedAt > bounds.idleMsMax) return true;
      bytes += entry.bytes;
      count += 1;
      return bytes > bounds.bytesMax || count > bounds.countMax;
    })
    .map((entry) => entry.path);
}

export interface CleaningOptions {
  /** Folder of all namespaces. */
  readonly root: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Namespaces with a client are left alone: a sync that is under way counts on what it was told is there. */
  readonly isBusy: (namespace: string) => boolean;
}

export interface CleanupOptions extends CleaningOptions {
  readonly signal: AbortSignal;
}

/** Cleans now and every BUILDER_CLEAN_INTERVAL_MS until the signal. Never rejects: what fails is tried again next time. */
export async function keepClean(options: CleanupOptions): Promise<void> {
  const { clock, signal } = options;
  while (!signal.aborted) {
    await cleanNamespaces(options, BUILDER_IDLE_MS_MAX);
    await clock.sleep(BUILDER_CLEAN_INTERVAL_MS, signal).catch(() => {});
  }
}

/** Of all namespaces, once; sources that were idle for longer than `idleMsMax` go. Never rejects. */
export async function cleanNamespaces(options: CleaningOptions, idleMsMax: number): Promise<void> {
  const { root, clock, log, isBusy } = options;
  for (const namespace of await names(root).catch(() => [])) {
    if (isBusy(namespace)) continue;
    await cleanNamespace({ root, namespace, now: clock.now(), idleMsMax }).then(
      (removed) => removed > 0 && log("info", "Unused sources were removed", { namespace, removed }),
      (error: unknown) => log("warn", "Cleaning failed", { namespace, error: String(error) }),
    );
  }
}

export interface NamespaceCleaning {
  readonly root: string;
  readonly namespace: string;
  readonly now: number;
  /** Of sources. */
  readonly idleMsMax: number;
}

/** Number of things removed. */
export async function cleanNamespace({ root, namespace, now, idleMsMax }: NamespaceCleaning): Promise<number> {
  const folders = namespaceFolders(root, namespace);
  // Files of builds belong to processes; none of this namespace runs.
  await rm(folders.work, { recursive: true, force: true });
  const small = [...(await storedFiles(folders.blobs)), ...(await storedFiles(folders.manifests))];
  const sources = [...(await storedTrees(folders.trees)), ...small];
  const records = await storedFiles(folders.images);
  const versions = await storedFiles(folders.versions);
  const paths = [
    ...planCleanup(sources, { ...SOURCE_BOUNDS, idleMsMax }, now),
    ...[records, versions].flatMap((each) => planCleanup(each, RECORD_BOUNDS, now)),
  ];
  for (const path of paths) await rm(path, { recursive: true, force: true });
  return paths.length;
}

/** Each `<session>/<context id>`; its own time says when it was last built. */
async function storedTrees(trees: string): Promise<readonly Stored[]> {
  const stored: Stored[] = [];
  for (const session of await names(trees)) {
    for (const context of await names(join(trees, session))) {
      const path = join(trees, session, context);
      const files = await storedFiles(path);
      const { mtimeMs } = await stat(path);
      stored.push({ path, bytes: files.reduce((sum, file) => sum + file.bytes, 0), usedAt: mtimeMs });
    }
  }
  return stored;
}

async function storedFiles(folder: string): Promise<readonly Stored[]> {
  const stored: Stored[] = [];
  for (const entry of await entries(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) stored.push(...(await storedFiles(path)));
    if (!entry.isFile()) continue;
    const { size, mtimeMs } = await stat(path);
    stored.push({ path, bytes: size, usedAt: mtimeMs });
  }
  return stored;
}

async function names(folder: string): Promise<readonly string[]> {
  return (await entries(folder)).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/** Empty for a folder that does not exist. */
async function entries(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
