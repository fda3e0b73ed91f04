/**
 * The synced files of one container, kept in the pod's volume: the container's own root is the image's again after each
 * restart. One append-only file; what follows its last commit is cut when it is opened.
 */
import {
  chmodSync,
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { nextTurn } from "../../core/host/turn.ts";
import { JOURNAL_RECORD_BYTES_MAX, JOURNAL_REWRITE_BYTES_MIN } from "../../core/limits.ts";
import { concatenate } from "../../core/wire/byte-reader.ts";
import {
  type CommitRecord,
  HASH_BYTES,
  RECORD,
  RECORD_HEADER_BYTES,
  decodeCommit,
  encodeCommit,
  parseRecordHeader,
  recordHeader,
} from "./journal-record.ts";
import type { StoredContent, TrackedPath } from "./tracked-tree.ts";

/** A content that is being written. */
export interface ContentWriter {
  readonly write: (bytes: Uint8Array) => void;
  readonly stored: StoredContent;
}

const COPY_BYTES = 1024 * 1024;
/** Many small files are one write. */
const WRITE_BYTES = 256 * 1024;

export class Journal {
  readonly #path: string;
  #file: number;
  #size: number;
  /** Where the next record starts if nothing more is committed. */
  #committed: number;
  readonly #rewriteBytesMin: number;
  /** Of the file when it held nothing but what was needed; its entries count, too. */
  #rewrittenSize = 0;
  /** What was appended and not yet written. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  /**
   * Opens or makes the file and gives each commit to `replay`. Throws what the system says when it cannot be written.
   * @param rewriteBytesMin for tests
   */
  static open(
    path: string,
    replay: (record: CommitRecord) => void,
    rewriteBytesMin = JOURNAL_REWRITE_BYTES_MIN,
  ): Journal {
    makeFolder(dirname(path));
    const file = openSync(path, "a+", 0o600);
    const committed = replayRecords(file, replay);
    ftruncateSync(file, committed);
    return new Journal({ path, file, size: committed, rewriteBytesMin });
  }

  private constructor(state: { path: string; file: number; size: number; rewriteBytesMin: number }) {
    this.#path = state.path;
    this.#file = state.file;
    this.#size = state.size;
    this.#committed = state.size;
    this.#rewriteBytesMin = state.rewriteBytesMin;
  }

  get size(): number {
    return this.#size;
  }

  /** Starts a content; it counts once a commit names it. */
  beginContent(sha256: string, size: number): ContentWriter {
    const header = new Uint8Array(RECORD_HEADER_BYTES + HASH_BYTES);
    header.set(recordHeader(RECORD.content, HASH_BYTES + size));
    header.set(Buffer.from(sha256, "hex"), RECORD_HEADER_BYTES);
    this.#append(header);
    return { write: (bytes) => this.#append(bytes), stored: { offset: this.#size, size } };
  }

  /** Takes back all since `size`, or since the last commit. */
  cutTo(size = this.#committed): void {
    if (this.#size === size) return;
    this.#flush();
    ftruncateSync(this.#file, size);
    this.#size = size;
  }

  commit(record: CommitRecord): void {
    const payload = encodeCommit(record);
    this.#append(recordHeader(RECORD.commit, payload.length));
    this.#append(payload);
    this.#flush();
    this.#committed = this.#size;
  }

  *read({ offset, size }: StoredContent): Generator<Uint8Array> {
    for (let at = 0; at < size;) {
      const bytes = new Uint8Array(Math.min(size - at, COPY_BYTES));
      const count = readSync(this.#file, bytes, 0, bytes.length, offset + at);
      if (count === 0) return;
      at += count;
      yield bytes.subarray(0, count);
    }
  }

  /** Whether most of the file is of no use any more. @param contentBytes of the contents that are still needed */
  isWasteful(contentBytes: number): boolean {
    return this.#size > Math.max(this.#rewriteBytesMin, 2 * contentBytes, 2 * this.#rewrittenSize);
  }

  /** Writes the file anew with what is needed; the paths as they are kept from now on. */
  async rewrite({ removed, written }: CommitRecord): Promise<readonly TrackedPath[]> {
    const path = `${this.#path}.new`;
    rmSync(path, { force: true });
    const next = new Journal({
      path,
      file: openSync(path, "a+", 0o600),
      size: 0,
      rewriteBytesMin: this.#rewriteBytesMin,
    });
    try {
      const moved = new Map<number, StoredContent>();
      const kept: TrackedPath[] = [];
      for (const tracked of written) {
        const { content } = tracked;
        if (content === undefined) {
          kept.push(tracked);
          continue;
        }
        const there = moved.get(content.offset) ?? (await this.#copy(tracked.entry.sha256 ?? "", content, next));
        moved.set(content.offset, there);
        kept.push({ ...tracked, content: there });
      }
      next.commit({ removed, written: kept });
      renameSync(path, this.#path);
      closeSync(this.#file);
      [this.#file, this.#size, this.#committed] = [next.#file, next.#size, next.#committed];
      this.#rewrittenSize = this.#size;
      return kept;
    } catch (error) {
      closeSync(next.#file);
      rmSync(path, { force: true });
      throw error;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  async #copy(sha256: string, content: StoredContent, next: Journal): Promise<StoredContent> {
    const writer = next.beginContent(sha256, content.size);
    for (const bytes of this.read(content)) {
      writer.write(bytes);
      if (bytes.length === COPY_BYTES) await nextTurn();
    }
    return writer.stored;
  }

  #append(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#size += bytes.length;
    if (this.#waitingBytes >= WRITE_BYTES) this.#flush();
  }

  #flush(): void {
    const bytes = concatenate(this.#waiting);
    [this.#waiting, this.#waitingBytes] = [[], 0];
    for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
  }
}

/** Containers of one pod may run as different users; none may remove another's file. */
function makeFolder(folder: string): void {
  if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, 0o1777);
}

/** The size of the file up to the end of its last whole commit. */
function replayRecords(file: number, replay: (record: CommitRecord) => void): number {
  const end = fstatSync(file).size;
  let committed = 0;
  for (let at = 0; at + RECORD_HEADER_BYTES <= end;) {
    const { kind, length } = parseRecordHeader(readAt(file, at, RECORD_HEADER_BYTES));
    const next = at + RECORD_HEADER_BYTES + length;
    if (next > end) return committed;
    if (kind === RECORD.commit) {
      const record =
        length > JOURNAL_RECORD_BYTES_MAX ? undefined : decodeCommit(readAt(file, at + RECORD_HEADER_BYTES, length));
      if (record === undefined) return committed;
      replay(record);
      committed = next;
    } else if (kind !== RECORD.content) return committed;
    at = next;
  }
  return committed;
}

function readAt(file: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = readSync(file, bytes, at, length - at, offset + at);
    if (count === 0) break;
    at += count;
  }
  return bytes;
}
