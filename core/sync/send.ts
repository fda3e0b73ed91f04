/** The side of the sync protocol that has the files. */
import { closeSync, copyFileSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AzdsError } from "../errors.ts";
import { MESSAGE_BODY_BYTES_MAX, SYNC_BATCH_MAX } from "../limits.ts";
import type { ByteStream } from "../wire/byte-stream.ts";
import { type MessageReader, messageReader } from "../wire/messages.ts";
import { Burst } from "./burst.ts";
import type { Manifest, TreeEntry } from "./manifest.ts";
import { type FailedPath, type ReceiverHead, SYNC_VERSION, type SenderHead, parseReceiverHead } from "./messages.ts";
import { nativePath } from "./native-path.ts";
import { scanEntry } from "./scan.ts";

export interface SendOptions {
  /** Name of the tree at the receiver. */
  readonly tree: string;
  /** Folder that the manifest describes. */
  readonly root: string;
  readonly manifest: Manifest;
  readonly onProgress?: (progress: SyncProgress) => void;
  /** Breaks the stream off. */
  readonly signal?: AbortSignal;
}

export interface SyncProgress {
  readonly bytesSent: number;
  /** Of the files that the receiver lacks. */
  readonly bytesTotal: number;
}

export interface SyncResult {
  /** Entries that the receiver wrote: new or changed. */
  readonly files: number;
  readonly bytesSent: number;
  /** Entries that the receiver removed. */
  readonly deleted: number;
  /** What to name as `base` of `sendChanges`; absent where the receiver takes whole trees only. */
  readonly revision?: string;
  /** What the receiver could not write or remove. */
  readonly failed: readonly FailedPath[];
  readonly ms: number;
}

/**
 * Brings the tree at the receiver to `manifest`, and ends the stream. A file that changed since it was scanned is copied
 * aside first and sent as it was at that moment.
 * @throws AzdsError CONNECTION_LOST, PROTOCOL or the receiver's code; SOURCE_UNREADABLE; the signal's reason
 */
export async function sendTree(stream: ByteStream, options: SendOptions): Promise<SyncResult> {
  const started = performance.now();
  const { signal } = options;
  const onAbort = (): void => stream.abort(signal?.reason instanceof Error ? signal.reason : undefined);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", onAbort, { once: true });
  const sender = new Sender(stream, options);
  try {
    const { written, deleted, revision, failed = [] } = await sender.run();
    await stream.end();
    const told = { files: written, deleted, failed, ...(revision === undefined ? {} : { revision }) };
    return { ...told, bytesSent: sender.bytesSent, ms: performance.now() - started };
  } catch (error) {
    stream.abort(error instanceof Error ? error : undefined);
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    sender.cleanUp();
  }
}

class Sender {
  bytesSent = 0;
  readonly #burst: Burst;
  readonly #options: SendOptions;
  readonly #reader: MessageReader;
  #bytesTotal = 0;
  /** Folder of the files that changed. */
  #aside: string | undefined;

  constructor(stream: ByteStream, options: SendOptions) {
    this.#burst = new Burst(stream);
    this.#options = options;
    this.#reader = messageReader(stream);
  }

  async run(): Promise<Extract<ReceiverHead, { type: "committed" }>> {
    const { manifest, root, tree } = this.#options;
    await this.#send({ type: "open", version: SYNC_VERSION, tree });
    const changed = await this.#round(manifest.entries, (path) => `${root}/${path}`);
    if (changed.length > 0) await this.#sendChanged(changed);
    await this.#send({ type: "commit" });
    const answer = await this.#receive();
    if (answer.type !== "committed") throw unexpected();
    return answer;
  }

  cleanUp(): void {
    if (this.#aside !== undefined) rmSync(this.#aside, { recursive: true, force: true });
  }

  /** Tells `entries`, sends the contents that the receiver lacks; the paths of the files that have changed. */
  async #round(entries: readonly TreeEntry[], locate: (path: string) => string): Promise<readonly string[]> {
    for (let at = 0; at < entries.length; at += SYNC_BATCH_MAX) {
      await this.#send({ type: "entries", entries: entries.slice(at, at + SYNC_BATCH_MAX) });
    }
    await this.#send({ type: "asked" });
    const lacking = await this.#lacking();
    const wanted = entries.filter((entry) => entry.sha256 !== undefined && lacking.has(entry.sha256));
    const contents = Map.groupBy(wanted, (entry) => entry.sha256);
    for (const [first] of contents.values()) this.#bytesTotal += first?.size ?? 0;
    const changed: string[] = [];
    for (const same of contents.values()) changed.push(...(await this.#sendContent(same, locate)));
    return changed;
  }

  /** Sends the content of files that are the same from the first that still has it; the paths that do not. */
  async #sendContent(same: readonly TreeEntry[], locate: (path: string) => string): Promise<readonly string[]> {
    const changed: string[] = [];
    for (const entry of same) {
      if (await this.#sendFile(entry, locate(entry.path))) return changed;
      changed.push(entry.path);
    }
    return changed;
  }

  /** Takes files that changed aside, where they hold still, and sends them from there. */
  async #sendChanged(paths: readonly string[]): Promise<void> {
    const aside = mkdtempSync(join(tmpdir(), "azds-sync-"));
    this.#aside = aside;
    const entries: TreeEntry[] = [];
    const gone: string[] = [];
    const places = new Map<string, string>();
    for (const path of paths) {
      const entry = await takeAside({ root: this.#options.root, path, aside, name: String(places.size) });
      if (entry === undefined) gone.push(path);
      else entries.push(entry);
      places.set(path, String(places.size));
    }
    if (gone.length > 0) await this.#send({ type: "gone", paths: gone });
    const changed = await this.#round(entries, (path) => join(aside, places.get(path) ?? ""));
    if (changed.length > 0)
      throw new AzdsError("SOURCE_UNREADABLE", `\`${changed[0]}\` cannot be read twice in the same way`);
  }

  async #lacking(): Promise<ReadonlySet<string>> {
    const hashes = new Set<string>();
    for (;;) {
      const answer = await this.#receive();
      if (answer.type !== "lacks") throw unexpected();
      for (const hash of answer.hashes) hashes.add(hash);
      if (answer.last) return hashes;
    }
  }

  /** False when the file does not hold any more what the entry says. */
  async #sendFile({ size, sha256 = "" }: TreeEntry, place: string): Promise<boolean> {
    const file = openReadable(place);
    if (file === undefined) return false;
    try {
      const hasher = new Bun.CryptoHasher("sha256");
      for (let sent = 0; ;) {
        const bytes = new Uint8Array(Math.min(size - sent, MESSAGE_BODY_BYTES_MAX));
        const count = readSync(file, bytes, 0, bytes.length, sent);
        hasher.update(bytes.subarray(0, count));
        sent += count;
        const complete = sent === size;
        if ((count === 0 && !complete) || (complete && hasher.digest("hex") !== sha256)) {
          await this.#send({ type: "blob", sha256, state: "changed" });
          return false;
        }
        await this.#send({ type: "blob", sha256, state: complete ? "last" : "more" }, bytes.subarray(0, count));
        this.#progress(count);
        if (complete) return true;
      }
    } finally {
      closeSync(file);
    }
  }

  #progress(bytes: number): void {
    this.bytesSent += bytes;
    this.#options.onProgress?.({ bytesSent: this.bytesSent, bytesTotal: this.#bytesTotal });
  }

  #send(head: SenderHead, body?: Uint8Array): Promise<void> {
    return this.#burst.send(head, body);
  }

  /** What the receiver answers to must have left. */
  async #receive(): Promise<ReceiverHead> {
    await this.#burst.flush();
    const message = await this.#reader.next();
    if (message === undefined) throw new AzdsError("CONNECTION_LOST", "The receiver ended the sync before it was done");
    return parseReceiverHead(message.head);
  }
}

interface Aside {
  readonly root: string;
  readonly path: string;
  /** Folder and name of the copy. */
  readonly aside: string;
  readonly name: string;
}

/** The entry of a file as its copy holds it; `undefined` when there is no such file any more. */
async function takeAside({ root, path, aside, name }: Aside): Promise<TreeEntry | undefined> {
  const now = await scanEntry(root, path);
  if (now === undefined || now.kind === "directory") return undefined;
  if (now.kind === "symlink") return now;
  copyFileSync(nativePath(`${root}/${path}`), join(aside, name));
  const copy = await scanEntry(aside, name);
  return copy === undefined ? undefined : { ...copy, path, mode: now.mode };
}

/** `undefined` when it cannot be read now; a second look tells why. */
function openReadable(path: string): number | undefined {
  try {
    return openSync(nativePath(path), "r");
  } catch {
    return undefined;
  }
}

function unexpected(): AzdsError {
  return new AzdsError("PROTOCOL", "The receiver answered out of turn");
}
