/** What is known of files that come back, over all connections of one `azds up`. */
import type { BackFile } from "../../../core/sync/back.ts";
import { BackGlobs } from "../../../core/sync/back-globs.ts";
import type { Manifest } from "../../../core/sync/manifest.ts";
import type { HashedFile } from "../../../core/sync/scan.ts";
import { isUntouched } from "./back-files.ts";
import type { SourceTree } from "./source-tree.ts";

export class BackLedger {
  readonly #root: string;
  readonly #globs: BackGlobs;
  /** Of what the image has and saves do not bring: hashes by path, as the sources were when this began. */
  readonly #fixed: ReadonlyMap<string, string>;
  /** Files that came and what they looked like then, by path. */
  readonly #returned = new Map<string, HashedFile>();
  /** Hashes of contents that people were told of, by path. */
  readonly #told = new Map<string, string>();

  constructor(tree: Pick<SourceTree, "root" | "fixed">, globs: readonly string[]) {
    this.#root = tree.root;
    this.#globs = new BackGlobs(globs);
    const named = tree.fixed().entries.filter(({ path }) => this.isWanted(path));
    this.#fixed = new Map(named.flatMap(({ path, sha256 }) => (sha256 === undefined ? [] : [[path, sha256]])));
  }

  isWanted(path: string): boolean {
    return this.#globs.matches(path);
  }

  /** Hash of what both sides had last. @param image what the container's image was made from, where that is known */
  baseOf({ path, base }: BackFile, image: Manifest | undefined): string | undefined {
    const known = base ?? this.#returned.get(path)?.sha256 ?? this.#fixed.get(path);
    return known ?? image?.entries.find((entry) => entry.path === path)?.sha256;
  }

  returned(path: string, put: HashedFile): void {
    this.#returned.set(path, put);
  }

  /** Whether the file, relative to the context, is as it came: no save of the developer's. */
  isReturned(path: string): boolean {
    const put = this.#returned.get(path);
    return put !== undefined && isUntouched(this.#root, path, put);
  }

  /** True the first time for each content of a file. */
  isNews({ path, sha256 }: BackFile): boolean {
    const isNews = this.#told.get(path) !== sha256;
    this.#told.set(path, sha256);
    return isNews;
  }
}
