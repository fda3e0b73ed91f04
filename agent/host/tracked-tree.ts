/** What is known of the synced paths: only these are ever removed. */
import { type TreeEntry, comparePaths } from "../../core/sync/manifest.ts";

/** Where the journal keeps a file's content. */
export interface StoredContent {
  readonly offset: number;
  readonly size: number;
}

export interface TrackedPath {
  /** As the sender told it. */
  readonly entry: TreeEntry;
  /** Mode that we gave the path; absent where it has the image's own, which may differ from the sender's. */
  readonly mode?: number;
  /** Absent for a file whose content the image has, and where nothing is kept. */
  readonly content?: StoredContent;
}

export class TrackedTree {
  readonly #paths = new Map<string, TrackedPath>();
  /** Paths in each folder; a difference must not look at all others. */
  readonly #children = new Map<string, Set<string>>();
  /** By offset in the journal: how many paths have the content. */
  readonly #uses = new Map<number, number>();
  #contentBytes = 0;

  /** Of the contents in the journal that are still needed. */
  get contentBytes(): number {
    return this.#contentBytes;
  }

  get(path: string): TrackedPath | undefined {
    return this.#paths.get(path);
  }

  set(tracked: TrackedPath): void {
    const { path } = tracked.entry;
    if (!this.#paths.has(path)) {
      const folder = folderOf(path);
      const siblings = this.#children.get(folder);
      if (siblings === undefined) this.#children.set(folder, new Set([path]));
      else siblings.add(path);
    }
    const before = this.#paths.get(path);
    this.#paths.set(path, tracked);
    this.#use(tracked, 1);
    this.#use(before, -1);
  }

  /** The path alone: what is below it goes before. */
  delete(path: string): void {
    this.#use(this.#paths.get(path), -1);
    if (!this.#paths.delete(path)) return;
    const folder = folderOf(path);
    const siblings = this.#children.get(folder);
    siblings?.delete(path);
    if (siblings?.size === 0) this.#children.delete(folder);
  }

  /** `path` and all below it, deepest first; nothing when it is not tracked. */
  *from(path: string): Generator<string> {
    if (!this.#paths.has(path)) return;
    yield* this.below(path);
    yield path;
  }

  /** All below `path`, deepest first. */
  *below(path: string): Generator<string> {
    for (const child of this.#children.get(path) ?? []) {
      yield* this.below(child);
      yield child;
    }
  }

  /** Folders before what they hold. */
  sorted(): readonly TrackedPath[] {
    return [...this.#paths.values()].toSorted((a, b) => comparePaths(a.entry.path, b.entry.path));
  }

  #use(tracked: TrackedPath | undefined, change: 1 | -1): void {
    const content = tracked?.content;
    if (content === undefined) return;
    const uses = (this.#uses.get(content.offset) ?? 0) + change;
    if (uses === 0) this.#uses.delete(content.offset);
    else this.#uses.set(content.offset, uses);
    if (uses === 0 || (uses === 1 && change === 1)) this.#contentBytes += change * content.size;
  }

  paths(): IterableIterator<string> {
    return this.#paths.keys();
  }
}

/** Empty for what lies directly in the tree. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
