/** The side of the sync protocol that knows what the receiver has, and sends what differs without waiting for answers. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { AzdsError } from "../errors.ts";
import { nextTurn } from "../host/turn.ts";
import {
  FILES_PER_TURN,
  MESSAGE_BODY_BYTES_MAX,
  SYNC_AHEAD_BYTES_MAX,
  SYNC_BATCH_MAX,
  SYNC_FILE_BYTES_MAX,
} from "../limits.ts";
import type { ByteStream } from "../wire/byte-stream.ts";
import { messageReader } from "../wire/messages.ts";
import { Burst } from "./burst.ts";
import type { TreeEntry } from "./manifest.ts";
import { type FailedPath, type ReceiverHead, SYNC_VERSION, type SenderHead, parseReceiverHead } from "./messages.ts";
import { nativePath } from "./native-path.ts";
import { scanEntry } from "./scan.ts";

export interface ChangesOptions {
  /** Name of the tree at the receiver. */
  readonly tree: string;
  /** Revision of it that the receiver told last. */
  readonly base: string;
  /** Folder that holds the files. */
  readonly root: string;
  /** New or changed; the folder of each is among them or in `base`. */
  readonly write: readonly TreeEntry[];
  /** What `base` has and `root` has not; a folder stands for all below it. */
  readonly remove: readonly string[];
  /** Breaks the stream off. */
  readonly signal?: AbortSignal;
}

export type ChangesResult =
  | {
      readonly kind: "committed";
      readonly revision: string;
      readonly written: number;
      readonly deleted: number;
      readonly failed: readonly FailedPath[];
      readonly bytesSent: number;
      readonly ms: number;
    }
  /** Nothing was changed: the receiver has another tree than `base`. */
  | { readonly kind: "stale" };

/**
 * Sends a difference in one go, and ends the stream. A file is sent as it is now, whatever its entry says; a large one
 * that changes meanwhile is left out and told in `failed`.
 * @throws AzdsError CONNECTION_LOST, PROTOCOL or the receiver's code; SOURCE_UNREADABLE; the signal's reason
 */
export async function sendChanges(stream: ByteStream, options: ChangesOptions): Promise<ChangesResult> {
  const started = performance.now();
  const { signal } = options;
  const onAbort = (): void => stream.abort(signal?.reason instanceof Error ? signal.reason : undefined);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const sender = new ChangesSender(stream, options);
    const answer = await sender.run();
    if (answer.type === "stale") {
      stream.abort();
      return { kind: "stale" };
    }
    await stream.end();
    const { revision = "", written, deleted, failed = [] } = answer;
    const ms = performance.now() - started;
    return { kind: "committed", revision, written, deleted, failed, bytesSent: sender.bytesSent, ms };
  } catch (error) {
    stream.abort(error instanceof Error ? error : undefined);
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

/** A file's whole content, and the entry that says so. */
interface ReadFile {
  readonly entry: TreeEntry;
  readonly bytes: Uint8Array;
}

type Answer = Exclude<ReceiverHead, { type: "lacks" }>;

class ChangesSender {
  bytesSent = 0;
  readonly #stream: ByteStream;
  readonly #options: ChangesOptions;
  readonly #burst: Burst;
  /** Hashes whose content is on its way. */
  readonly #sent = new Set<string>();
  #entries: TreeEntry[] = [];
  #contents: ReadFile[] = [];
  #aheadBytes = 0;
  readonly #gone: string[];
  #answered = false;

  constructor(stream: ByteStream, options: ChangesOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#burst = new Burst(stream);
    this.#gone = [...options.remove];
  }

  async run(): Promise<Answer> {
    const answer = this.#answer();
    answer.then(
      () => (this.#answered = true),
      () => (this.#answered = true),
    );
    const sent = this.#send().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    // An early answer is the end: what is still on its way may wait for a receiver that takes nothing any more.
    const broken = await Promise.race([answer.then(() => undefined), sent]);
    // The receiver's own words say more than that the stream broke.
    if (broken !== undefined && !this.#answered) throw broken.error;
    return answer;
  }

  async #send(): Promise<void> {
    const { tree, base, write, signal } = this.#options;
    await this.#tell({ type: "open", version: SYNC_VERSION, tree, base });
    for (const [index, entry] of write.entries()) {
      if (this.#answered) return;
      await this.#add(entry);
      if (index % FILES_PER_TURN === FILES_PER_TURN - 1) await nextTurn(signal);
    }
    await this.#flush();
    for (let at = 0; at < this.#gone.length; at += SYNC_BATCH_MAX)
      await this.#tell({ type: "gone", paths: this.#gone.slice(at, at + SYNC_BATCH_MAX) });
    await this.#tell({ type: "commit" });
    await this.#burst.flush();
  }

  async #add(entry: TreeEntry): Promise<void> {
    if (entry.kind !== "file") return this.#queue(entry);
    const file = openFile(`${this.#options.root}/${entry.path}`);
    if (file === undefined) return this.#addOther(entry.path);
    try {
      const { size } = fstatSync(file);
      if (size > SYNC_FILE_BYTES_MAX)
        throw new AzdsError("SOURCE_UNREADABLE", `\`${entry.path}\` is larger than ${SYNC_FILE_BYTES_MAX} bytes`);
      const bytes = size > MESSAGE_BODY_BYTES_MAX ? undefined : readSmall(file, size);
      if (bytes === undefined) await this.#sendLarge(file, entry);
      else await this.#queue({ ...entry, size: bytes.length, sha256: hashOf(bytes) }, bytes);
    } finally {
      closeSync(file);
    }
  }

  /** What was a file when its entry was made, and is none now. */
  async #addOther(path: string): Promise<void> {
    const now = await scanEntry(this.#options.root, path);
    if (now === undefined) this.#gone.push(path);
    else if (now.kind === "file") throw new AzdsError("SOURCE_UNREADABLE", `\`${path}\` cannot be read`);
    else await this.#queue(now);
  }

  async #queue(entry: TreeEntry, bytes?: Uint8Array): Promise<void> {
    this.#entries.push(entry);
    if (bytes !== undefined) this.#contents.push({ entry, bytes });
    this.#aheadBytes += bytes?.length ?? 0;
    if (this.#entries.length >= SYNC_BATCH_MAX || this.#aheadBytes >= SYNC_AHEAD_BYTES_MAX) await this.#flush();
  }

  /** Tells the entries that wait, then their contents. */
  async #flush(): Promise<void> {
    const [entries, contents] = [this.#entries, this.#contents];
    [this.#entries, this.#contents, this.#aheadBytes] = [[], [], 0];
    if (entries.length > 0) await this.#tell({ type: "entries", entries });
    for (const { entry, bytes } of contents) {
      const { sha256 = "" } = entry;
      if (this.#sent.has(sha256)) continue;
      this.#sent.add(sha256);
      await this.#tell({ type: "blob", sha256, state: "last" }, bytes);
    }
  }

  /** In pieces under the hash that its entry tells; when that is not true any more, the receiver leaves the file out. */
  async #sendLarge(file: number, entry: TreeEntry): Promise<void> {
    const { sha256 = "", size } = entry;
    await this.#queue(entry);
    await this.#flush();
    if (this.#sent.has(sha256)) return;
    const hasher = new Bun.CryptoHasher("sha256");
    for (let at = 0; at < size && !this.#answered;) {
      const bytes = new Uint8Array(Math.min(size - at, MESSAGE_BODY_BYTES_MAX));
      const count = readSync(file, bytes, 0, bytes.length, at);
      hasher.update(bytes.subarray(0, count));
      at += count;
      if (count === 0 || (at === size && hasher.digest("hex") !== sha256))
        return this.#tell({ type: "blob", sha256, state: "changed" });
      await this.#tell({ type: "blob", sha256, state: at === size ? "last" : "more" }, bytes.subarray(0, count));
      if (at === size) this.#sent.add(sha256);
    }
  }

  async #tell(head: SenderHead, body?: Uint8Array): Promise<void> {
    await this.#burst.send(head, body);
    this.bytesSent += body?.length ?? 0;
  }

  async #answer(): Promise<Answer> {
    const message = await messageReader(this.#stream).next();
    if (message === undefined) throw new AzdsError("CONNECTION_LOST", "The receiver ended the sync before it was done");
    const answer = parseReceiverHead(message.head);
    if (answer.type === "lacks") throw new AzdsError("PROTOCOL", "The receiver answered out of turn");
    return answer;
  }
}

/** `undefined` when there is no regular file that can be opened. */
function openFile(path: string): number | undefined {
  let file: number;
  try {
    file = openSync(nativePath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  return undefined;
}

/** All of a file that had `size` bytes a moment ago; `undefined` when it has grown beyond one message. */
function readSmall(file: number, size: number): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.min(size + 1, MESSAGE_BODY_BYTES_MAX + 1));
  for (let filled = 0; ;) {
    const count = readSync(file, bytes, filled, bytes.length - filled, filled);
    filled += count;
    if (count === 0) return bytes.subarray(0, filled);
    if (filled < bytes.length) continue;
    return bytes.length > MESSAGE_BODY_BYTES_MAX ? undefined : readSmall(file, MESSAGE_BODY_BYTES_MAX);
  }
}

function hashOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}
