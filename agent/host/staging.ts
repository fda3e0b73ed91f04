/**
 * Files on their way into the target. A small one is held in memory until its content is complete; where a file lies
 * already, it is written over in one go, so that it stays the same file: reloaders that watch single files, as `node
 * --watch` does, lose one that is replaced. All others are made whole in a folder on the target's file system and renamed
 * into place. The folder is there only while something is in it, so that watchers and file servers hardly see it.
 */
import {
  type Stats,
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type HashedFile, hashedFile } from "../../core/sync/scan.ts";
import { STAGED_FILE_BYTES_MAX, STAGED_MEMORY_BYTES_MAX } from "../../core/limits.ts";
import { concatenate } from "../../core/wire/byte-reader.ts";
import { codeOf } from "./system-error.ts";

/** First segment of our own names in the target; nothing of the sender's may be called so. */
export const STAGING_NAME = ".azds-sync";

export type StagedFile = StagedOnDisk | StagedInMemory;

interface StagedOnDisk {
  readonly path: string;
  /** What is known of it for a cache; renaming changes nothing of that. */
  readonly hashed: HashedFile;
}

interface StagedInMemory {
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/** Where a file goes. */
export interface Placement {
  readonly final: string;
  readonly mode: number;
  /** What lies there; no folder. */
  readonly there: Stats | undefined;
}

interface StagedWriter {
  readonly write: (bytes: Uint8Array) => void;
  readonly close: () => StagedFile;
}

export class Staging {
  readonly #folder: string;
  #made = false;
  #count = 0;
  /** Of the files in memory. */
  #heldBytes = 0;

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
    this.#heldBytes = 0;
    if (this.#made) this.clear();
  }

  /** Takes the content whose hash is `sha256`; whoever gives the bytes knows that it is, and how many they are. */
  create(sha256: string, size: number): StagedWriter {
    if (size > STAGED_FILE_BYTES_MAX || this.#heldBytes + size > STAGED_MEMORY_BYTES_MAX)
      return this.#createOnDisk(sha256);
    this.#heldBytes += size;
    const pieces: Uint8Array[] = [];
    return { write: (bytes) => void pieces.push(bytes.slice()), close: () => ({ bytes: concatenate(pieces), sha256 }) };
  }

  #createOnDisk(sha256: string): StagedWriter {
    const path = this.#newPath();
    const file = openSync(path, "wx", 0o600);
    let open = true;
    let staged: StagedFile | undefined;
    return {
      write: (bytes) => writeAll(file, bytes),
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
    if ("bytes" in staged) return staged;
    const path = this.#newPath();
    copyFileSync(staged.path, path);
    return { path, hashed: hashedFile(lstatSync(path, { bigint: true }), staged.hashed.sha256) };
  }

  /** Puts a file into place, at once for whoever looks. */
  placeFile(staged: StagedFile, { final, mode, there }: Placement): HashedFile {
    if (!("bytes" in staged)) return this.#move(staged, final, mode);
    const kept = there?.isFile() === true && there.nlink === 1 ? writeOver(final, staged, mode) : undefined;
    return kept ?? this.#move(this.#writeOut(staged), final, mode);
  }

  #writeOut({ bytes, sha256 }: StagedInMemory): StagedOnDisk {
    const path = this.#newPath();
    const file = openSync(path, "wx", 0o600);
    try {
      writeAll(file, bytes);
      return { path, hashed: hashedFile(fstatSync(file, { bigint: true }), sha256) };
    } finally {
      closeSync(file);
    }
  }

  #move(staged: StagedOnDisk, final: string, mode: number): HashedFile {
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
    symlinkSync(linkTarget, path);
    if (!moved(path, final)) this.#placeBeside(final, (beside) => symlinkSync(linkTarget, beside));
  }

  /** A volume is mounted below the target: a name beside the final one is on its file system. */
  #placeBeside(final: string, make: (beside: string) => void): void {
    this.#count += 1;
    const beside = join(dirname(final), `${STAGING_NAME}-${process.pid}-${this.#count}`);
    try {
      make(beside);
      renameSync(beside, final);
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

/**
 * The bytes first, then the new end: nobody ever sees an empty file, and what an agent killed in between leaves is mended
 * by the next sync. `undefined` where the system refuses, as for a program that runs; the file can be replaced then.
 */
function writeOver(path: string, { bytes, sha256 }: StagedInMemory, mode: number): HashedFile | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
  try {
    writeAll(file, bytes);
    ftruncateSync(file, bytes.length);
    const stats = fstatSync(file, { bigint: true });
    if ((Number(stats.mode) & 0o777) === mode) return hashedFile(stats, sha256);
    fchmodSync(file, mode);
    return hashedFile(stats, sha256);
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}

/** False when the two are on different file systems. */
function moved(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === "EXDEV") return false;
    throw error;
  }
}
