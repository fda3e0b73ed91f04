/** Contents of files by hash, in a folder: `<first two digits>/<sha256>`. A blob lands by rename, so what is there is whole. */
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fchmodSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { AzdsError } from "../errors.ts";
import { nextTurn } from "../host/turn.ts";
import type { Blob } from "./receive.ts";
import { hashPath } from "./scan.ts";

export interface NewFile {
  readonly path: string | Buffer;
  readonly mode: number;
}

/** Bytes copied before other work gets its turn. */
const COPY_BYTES = 4 * 1024 * 1024;

export class BlobStore {
  readonly #folder: string;
  readonly #incoming: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#incoming = join(folder, "incoming");
  }

  /** Makes the store's own folders; before anything else. */
  prepare(): void {
    mkdirSync(this.#incoming, { recursive: true });
  }

  /** A path for a file that is still being written, on the same file system. What a killed process left there is never read. */
  temporary(): string {
    return join(this.#incoming, randomUUID());
  }

  /**
   * Whether the content is there. Its time says then that it was used, for whoever removes the blobs that are not. One
   * that is lent keeps the time that readers of its tree know, and is read: whoever wrote to the tree wrote to it.
   */
  async has({ sha256, size }: Blob): Promise<boolean> {
    const path = this.#pathOf(sha256);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.size !== size) return false;
    if (stats.nlink > 1) return (await hashPath(path))?.sha256 === sha256;
    const now = new Date();
    utimesSync(path, now, now);
    return true;
  }

  /** @throws AzdsError PROTOCOL when the content is not what the hash says, and whatever `chunks` throws */
  async put({ sha256 }: Blob, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const temporary = this.temporary();
    const writer = new HashingWriter({ path: temporary, mode: 0o600 });
    try {
      for await (const chunk of chunks) writer.write(chunk);
      if (writer.close() !== sha256)
        throw new AzdsError("PROTOCOL", "The peer sent a content that is not what its hash says");
      this.#shelve(temporary, this.#pathOf(sha256));
    } catch (error) {
      writer.close();
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  /**
   * The new file is the blob itself under another name, which takes a fraction of a copy's time. Only for a content that
   * was put just now, so that it is what its hash says, and once: its mode is the file's.
   */
  lend(sha256: string, { path, mode }: NewFile): void {
    linkSync(this.#pathOf(sha256), path);
    chmodSync(path, mode);
  }

  /**
   * Copies a content into a new file of that mode.
   * @throws AzdsError SYNC_FAILED when it is damaged, as after a power cut; it is removed then
   */
  async copyTo(sha256: string, file: NewFile): Promise<void> {
    const path = this.#pathOf(sha256);
    const source = openSync(path, "r");
    const writer = new HashingWriter(file);
    writer.chmod(file.mode);
    try {
      const buffer = new Uint8Array(Math.max(1, Math.min(statSync(path).size, COPY_BYTES)));
      for (let count = readSync(source, buffer); count > 0; count = readSync(source, buffer)) {
        writer.write(buffer.subarray(0, count));
        if (count === COPY_BYTES) await nextTurn();
      }
    } finally {
      closeSync(source);
      writer.close();
    }
    if (writer.close() === sha256) return;
    rmSync(path, { force: true });
    rmSync(file.path, { force: true });
    throw new AzdsError("SYNC_FAILED", "A stored file was damaged and is removed; the next sync sends it again");
  }

  #shelve(temporary: string, path: string): void {
    try {
      renameSync(temporary, path);
    } catch {
      // The first on its shelf.
      mkdirSync(dirname(path), { recursive: true });
      renameSync(temporary, path);
    }
  }

  #pathOf(sha256: string): string {
    return join(this.#folder, sha256.slice(0, 2), sha256);
  }
}

/** Writes a new file and hashes what it writes. */
class HashingWriter {
  readonly #file: number;
  readonly #hasher = new Bun.CryptoHasher("sha256");
  #sha256: string | undefined;

  constructor({ path, mode }: NewFile) {
    this.#file = openSync(path, "wx", mode);
  }

  /** The umask has cut the mode of open(2). */
  chmod(mode: number): void {
    fchmodSync(this.#file, mode);
  }

  write(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
    for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
  }

  /** The hash of all; may be called again. */
  close(): string {
    if (this.#sha256 === undefined) {
      this.#sha256 = this.#hasher.digest("hex");
      closeSync(this.#file);
    }
    return this.#sha256;
  }
}
