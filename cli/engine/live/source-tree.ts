/**
 * The build context as it was last read, in memory, and which of it lives in the running container. Each reading that
 * finds a difference makes a new version, so that a container which has the one before needs the difference alone.
 */
import { createHash } from "node:crypto";
import { relative } from "node:path";
import { editsManifest, type Entries } from "../../../core/edits.ts";
import {
  comparePaths,
  diffManifests,
  isSameEntry,
  type Manifest,
  type TreeEntry,
} from "../../../core/sync/manifest.ts";
import { type HashCache, scanEntry, scanTree } from "../../../core/sync/scan.ts";
import { TRUNCATED_SAVE_MS } from "../../../core/limits.ts";
import { ignoreFilter } from "../../project/ignore.ts";
import type { Project } from "../../project/load.ts";
import type { BuildSource } from "../build/builder-client.ts";
import { knownHashes } from "./known-hashes.ts";
import { areMisnamed, ignoresCase, lookupBelow, type NameLookup } from "./name-case.ts";
import { fileUpdate, type UpdateRules, updateRules } from "./update-kind.ts";

/** From one version of the live part to the next; paths relative to the context. Folders come before what they hold. */
export interface TreeChange {
  readonly write: readonly TreeEntry[];
  /** Deepest first. */
  readonly remove: readonly string[];
  /** Files that changed beside it, and belong to the image. */
  readonly image: readonly string[];
}

export interface SourceTree {
  /** Absolute folder of the context. */
  readonly root: string;
  /** Counts the readings that found a difference in the live part, from 1. */
  readonly version: () => number;
  /** What lives in the container. */
  readonly live: () => Manifest;
  /** The tree that brings what was changed in the live part since an image was built from `built`. */
  readonly editsSince: (built: Entries) => Manifest;
  /** From the version before `version()`, if there was one and it is known. */
  readonly lastChange: () => TreeChange | undefined;
  /** What belongs to the image: a change of it asks for a new one. */
  readonly fixed: () => Manifest;
  /** What a builder gets: all of it. */
  readonly buildSource: (session: string) => BuildSource;
  /** Reads these paths again (relative to the context); the difference in the live part. */
  readonly update: (paths: readonly string[]) => Promise<TreeChange>;
  /** Reads everything again; files that look the same are not opened. */
  readonly rescan: (signal: AbortSignal) => Promise<TreeChange>;
}

/**
 * @param hashFolder where hashes are kept for the next command; none are without it
 * @throws AzdsError SOURCE_UNREADABLE; the signal's reason
 */
export async function readSourceTree(project: Project, signal: AbortSignal, hashFolder?: string): Promise<SourceTree> {
  const known = hashFolder === undefined ? undefined : knownHashes(hashFolder, project.contextFolder);
  const tree = new ContextTree(project, known?.load());
  const began = Date.now();
  await tree.rescan(signal);
  known?.save(tree.hashes, began);
  return tree;
}

type Ignore = (path: string, isDirectory: boolean) => boolean;

class ContextTree implements SourceTree {
  readonly root: string;
  readonly #rules: UpdateRules;
  readonly #ignore: Ignore;
  readonly #entries = new Map<string, TreeEntry>();
  readonly #lookup: NameLookup;
  readonly #ignoresCase: boolean;
  /** Of entries, which never change: the rules are asked once for each. */
  readonly #liveness = new WeakMap<TreeEntry, boolean>();
  #hashes: HashCache;
  #version = 0;
  #lastChange: TreeChange | undefined;

  constructor(project: Project, hashes: HashCache = {}) {
    this.#hashes = hashes;
    this.root = project.contextFolder;
    this.#rules = updateRules(project);
    const { useGitIgnore, ignore: patterns } = project.config.build;
    const keep = [project.dockerfile, ".dockerignore"];
    this.#ignore = ignoreFilter(this.root, { useGitIgnore, patterns, keep });
    this.#lookup = lookupBelow(this.root);
    this.#ignoresCase = ignoresCase(this.#lookup, project.dockerfile);
  }

  get hashes(): HashCache {
    return this.#hashes;
  }

  version = (): number => this.#version;
  lastChange = (): TreeChange | undefined => this.#lastChange;

  live(): Manifest {
    return { entries: this.#sorted().filter((entry) => this.#isLive(entry)) };
  }

  editsSince(built: Entries): Manifest {
    return editsManifest(built, this.#entries, (entry) => this.#isLive(entry));
  }

  fixed(): Manifest {
    return { entries: this.#sorted().filter((entry) => entry.kind !== "directory" && !this.#isLive(entry)) };
  }

  buildSource(session: string): BuildSource {
    const contextId = createHash("sha256").update(this.root).digest("hex").slice(0, 12);
    return { root: this.root, manifest: { entries: this.#sorted() }, tree: `${session}/${contextId}` };
  }

  async rescan(signal?: AbortSignal): Promise<TreeChange> {
    const found = await scanTree(this.root, {
      ignore: this.#ignore,
      hashes: this.#hashes,
      ...(signal === undefined ? {} : { signal }),
    });
    const { remove, write } = diffManifests({ entries: this.#sorted() }, found);
    this.#hashes = found.hashes;
    const kept = new Set(found.entries.map(({ path }) => path));
    for (const { path } of remove) this.#entries.delete(path);
    for (const entry of write) this.#entries.set(entry.path, entry);
    return this.#changed(
      write,
      remove.filter(({ path }) => !kept.has(path)),
    );
  }

  async update(paths: readonly string[]): Promise<TreeChange> {
    if (this.#ignoresCase && areMisnamed(this.#lookup, paths, this.#entries.keys())) return this.rescan();
    const write = new Map<string, TreeEntry>();
    const remove: TreeEntry[] = [];
    for (const path of new Set(paths)) {
      const entry = await this.#read(path);
      const before = this.#entries.get(path);
      if (before !== undefined && before.kind !== entry?.kind) remove.push(...this.#takeOut(before));
      if (entry === undefined || isSameEntry(this.#entries.get(path), entry)) continue;
      for (const folder of await this.#newFolders(path)) write.set(folder.path, folder);
      this.#entries.set(path, entry);
      write.set(path, entry);
    }
    return this.#changed(
      [...write.values()].toSorted((a, b) => comparePaths(a.path, b.path)),
      remove.filter(({ path }) => !this.#entries.has(path)),
    );
  }

  /** `undefined` for what is not there, or does not belong to the context. */
  async #read(path: string): Promise<TreeEntry | undefined> {
    const entry = await this.#readWhole(path);
    return entry === undefined || this.#isIgnored(path, entry.kind === "directory") ? undefined : entry;
  }

  /** Many editors empty a file before they write it. */
  async #readWhole(path: string): Promise<TreeEntry | undefined> {
    const entry = await scanEntry(this.root, path);
    const before = this.#entries.get(path);
    if (entry?.kind !== "file" || entry.size > 0 || before === undefined || before.size === 0) return entry;
    await Bun.sleep(TRUNCATED_SAVE_MS);
    return scanEntry(this.root, path);
  }

  #isIgnored(path: string, isDirectory: boolean): boolean {
    const parts = path.split("/");
    const above = parts.slice(0, -1).some((_, index) => this.#ignore(parts.slice(0, index + 1).join("/"), true));
    return above || this.#ignore(path, isDirectory);
  }

  /** The entry and all below it, deepest first. */
  #takeOut(entry: TreeEntry): readonly TreeEntry[] {
    const below = entry.kind === "directory" ? this.#below(entry.path) : [];
    const gone = [...below, entry];
    for (const { path } of gone) this.#entries.delete(path);
    return gone;
  }

  #below(folder: string): readonly TreeEntry[] {
    const inside = [...this.#entries.values()].filter(({ path }) => path.startsWith(`${folder}/`));
    return inside.toSorted((a, b) => comparePaths(b.path, a.path));
  }

  /** Folders above `path` that nobody has told of yet, outermost first. */
  async #newFolders(path: string): Promise<readonly TreeEntry[]> {
    const folders: TreeEntry[] = [];
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth += 1) {
      const folder = parts.slice(0, depth).join("/");
      if (this.#entries.get(folder)?.kind === "directory") continue;
      const entry = await scanEntry(this.root, folder);
      if (entry === undefined) continue;
      this.#entries.set(folder, entry);
      folders.push(entry);
    }
    return folders;
  }

  #changed(write: readonly TreeEntry[], remove: readonly TreeEntry[]): TreeChange {
    const change: TreeChange = {
      write: write.filter((entry) => this.#isLive(entry)),
      remove: remove.filter((entry) => this.#isLive(entry)).map(({ path }) => path),
      image: [...write, ...remove]
        .filter((entry) => entry.kind !== "directory" && !this.#isLive(entry))
        .map(({ path }) => path),
    };
    if (this.#version > 0 && change.write.length + change.remove.length === 0) return change;
    this.#lastChange = this.#version === 0 ? undefined : change;
    this.#version += 1;
    return change;
  }

  #isLive(entry: TreeEntry): boolean {
    const known = this.#liveness.get(entry);
    if (known !== undefined) return known;
    const live = this.#askRules(entry);
    this.#liveness.set(entry, live);
    return live;
  }

  #askRules({ path, kind }: TreeEntry): boolean {
    const shown = relative(this.#rules.folder, `${this.root}/${path}`).replaceAll("\\", "/");
    if (kind !== "directory") return fileUpdate(shown, this.#rules).update !== "rebuild";
    const { chart } = this.#rules;
    return shown !== chart && !shown.startsWith(`${chart}/`);
  }

  #sorted(): readonly TreeEntry[] {
    return [...this.#entries.values()].toSorted((a, b) => comparePaths(a.path, b.path));
  }
}
