/**
 * Files on their way into the target: made whole in a folder on its file system and renamed into place. The folder is
 * there only while something is in it, so that watchers and file servers hardly see it.
 */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { nativePath } from "../../core/sync/native-path.ts";
import { type HashedFile, hashedFile } from "../../core/sync/scan.ts";
import { codeOf } from "./system-error.ts";

/** First segment of our own names in the target; nothing of the sender's may be called so. */
export const STAGING_NAME = ".azds-sync";

export interface StagedFile {
  readonly path: string;
  /** What is known of it for a cache; renaming changes nothing of that. */
  readonly hashed: HashedFile;
}

export class Staging {
  readonly #folder: string;
  #made = false;
  #count = 0;

  constructor(target: string) {
    this.#folder = join(target, STAGING_NAME);
  }

  /** Removes what a killed agent left. */
  clear(): void {
    rmSync(this.#folder, { recursive: true, force: true });
    this.#made = false;
  }

  /** Removes the folder with what was not put into place. */
  remove(): void {
    if (this.#made) this.clear();
  }

  /** Writes a file of the content whose hash is `sha256`; whoever gives the bytes knows that it is. */
  create(sha256: string): { readonly write: (bytes: Uint8Array) => void; readonly close: () => StagedFile } {
    const path = this.#newPath();
    const file = openSync(path, "wx", 0o600);
    let open = true;
    let staged: StagedFile | undefined;
    return {
      write: (bytes) => {
        for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
      },
      close: () => {
        if (open) {
          open = false;
          staged = { path, hashed: hashedFile(fstatSync(file, { bigint: true }), sha256) };
          closeSync(file);
        }
        return staged ?? { path, hashed: { size: 0, mtimeNs: "", inode: "", sha256 } };
      },
    };
  }

  /** Another file of the same content. */
  copy(staged: StagedFile): StagedFile {
    const path = this.#newPath();
    copyFileSync(staged.path, path);
    return { path, hashed: hashedFile(lstatSync(path, { bigint: true }), staged.hashed.sha256) };
  }

  /** Puts a file at `final`, at once for whoever looks. What lies there is no folder. */
  placeFile(staged: StagedFile, final: string, mode: number): HashedFile {
    // The umask has cut the mode of open(2). The staging folder is ours alone.
    chmodSync(staged.path, mode);
    if (moved(staged.path, final)) return staged.hashed;
    let { hashed } = staged;
    this.#placeBeside(final, (beside) => {
      copyFileSync(staged.path, beside);
      chmodSync(beside, mode);
      hashed = hashedFile(lstatSync(beside, { bigint: true }), staged.hashed.sha256);
    });
    return hashed;
  }

  /** As `placeFile`, for a symlink. */
  placeSymlink(linkTarget: string, final: string): void {
    const path = this.#newPath();
    const target = nativePath(linkTarget);
    symlinkSync(target, path);
    if (!moved(path, final)) this.#placeBeside(final, (beside) => symlinkSync(target, beside));
  }

  /** A volume is mounted below the target: a name beside the final one is on its file system. */
  #placeBeside(final: string, make: (beside: string | Buffer) => void): void {
    this.#count += 1;
    const folder = final.slice(0, final.lastIndexOf("/"));
    const beside = nativePath(`${folder}/${STAGING_NAME}-${process.pid}-${this.#count}`);
    try {
      make(beside);
      renameSync(beside, nativePath(final));
    } catch (error) {
      rmSync(beside, { force: true });
      throw error;
    }
  }

  #newPath(): string {
    if (!this.#made) {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      this.#made = true;
    }
    this.#count += 1;
    return join(this.#folder, String(this.#count));
  }
}

/** False when the two are on different file systems. */
function moved(from: string, to: string): boolean {
  try {
    renameSync(from, nativePath(to));
    return true;
  } catch (error) {
    if (codeOf(error) === "EXDEV") return false;
    throw error;
  }
}
