/** The side of the sync protocol that gets the files; where they go is the receiver's. */
import { AzdsError } from "../errors.ts";
import { SYNC_BATCH_MAX, SYNC_FILES_MAX } from "../limits.ts";
import type { ByteStream } from "../wire/byte-stream.ts";
import { type MessageReader, messageReader, sendMessage } from "../wire/messages.ts";
import { type Manifest, type TreeEntry, comparePaths, parseManifest } from "./manifest.ts";
import { type Committed, type FailedPath, type ReceiverHead, type SenderHead, parseSenderHead } from "./messages.ts";

/** Content of files, by hash. */
export interface Blob {
  readonly sha256: string;
  readonly size: number;
}

export interface TreeReceiver {
  /**
   * Takes the tree for one sync; others of the same name wait.
   * @throws AzdsError PROTOCOL for a name that it cannot have
   */
  readonly open: (tree: string) => Promise<TreeTarget>;
}

export interface TreeTarget {
  /** Those of the hashes whose content has to be sent before the manifest can be committed. */
  readonly lacks: (manifest: Manifest) => Promise<readonly string[]>;
  /**
   * Keeps the content once all of it is there.
   * @throws AzdsError PROTOCOL when it is not what the hash says, and whatever `chunks` throws
   */
  readonly putBlob: (blob: Blob, chunks: AsyncIterable<Uint8Array>) => Promise<void>;
  /** Makes the tree what the manifest says; each path is whole, old or new, at any moment. */
  readonly commit: (manifest: Manifest) => Promise<Committed>;
  /** Lets others have the tree. */
  readonly close: () => Promise<void>;
  /** Absent where only whole trees are taken. */
  readonly difference?: DifferenceTarget;
}

export interface DifferenceTarget {
  /** What a difference has to start from. */
  readonly revision: string;
  /** As `commit` of the tree; the contents of all files that are to be written are there. An entry may lie in no folder. */
  readonly commit: (changes: TreeChanges) => Promise<Committed>;
}

export interface TreeChanges {
  /** Each with all below it, save what is written. */
  readonly remove: readonly string[];
  /** Sorted by `comparePaths`, each path once. */
  readonly write: readonly TreeEntry[];
}

/**
 * Serves one sync on `stream` and ends it; `undefined` when nothing was changed, because the sender ended it without a
 * sync or sent the difference to another tree than is here.
 * @throws AzdsError PROTOCOL, CONNECTION_LOST, SYNC_FAILED; the sender has been told
 */
export async function receiveTree(stream: ByteStream, receiver: TreeReceiver): Promise<Committed | undefined> {
  try {
    const committed = await receive(stream, receiver);
    await stream.end();
    return committed;
  } catch (error) {
    const told = error instanceof AzdsError ? error : failure(error);
    stream.abort(told);
    throw told;
  }
}

async function receive(stream: ByteStream, receiver: TreeReceiver): Promise<Committed | undefined> {
  const reader = messageReader(stream);
  const first = await reader.next();
  if (first === undefined) return undefined;
  const head = parseSenderHead(first.head);
  if (head.type !== "open") throw outOfTurn();
  const target = await receiver.open(head.tree);
  try {
    if (head.base === undefined) return await new Reception({ stream, reader, target }).run();
    const { difference } = target;
    if (difference !== undefined && difference.revision === head.base)
      return await new Reception({ stream, reader, target, difference }).run();
    await sendMessage(stream, { type: "stale" } satisfies ReceiverHead);
    return undefined;
  } finally {
    await target.close();
  }
}

interface ReceptionPorts {
  readonly stream: ByteStream;
  readonly reader: MessageReader;
  readonly target: TreeTarget;
  /** Set when the sender sends a difference. */
  readonly difference?: DifferenceTarget;
}

class Reception {
  readonly #ports: ReceptionPorts;
  readonly #entries = new Map<string, TreeEntry>();
  /** Sizes of the contents that the sender owes. */
  readonly #owed = new Map<string, number>();
  /** Of a difference: what leaves the tree, and the contents that have come. */
  readonly #gone = new Set<string>();
  readonly #received = new Set<string>();

  constructor(ports: ReceptionPorts) {
    this.#ports = ports;
  }

  async run(): Promise<Committed> {
    const { difference } = this.#ports;
    for (;;) {
      const { head, body } = await this.#next();
      switch (head.type) {
        case "open":
          throw outOfTurn();
        case "entries":
          this.#add(head.entries);
          break;
        case "gone":
          this.#leave(head.paths);
          break;
        case "asked":
          if (difference !== undefined) throw outOfTurn();
          await this.#answer();
          break;
        case "blob":
          await this.#takeBlob(head, body);
          break;
        case "commit": {
          const committed = await this.#commit();
          await this.#send({ type: "committed", ...committed });
          return committed;
        }
      }
    }
  }

  #add(entries: readonly TreeEntry[]): void {
    for (const entry of entries) {
      this.#entries.set(entry.path, entry);
      const { sha256, size } = entry;
      if (this.#ports.difference !== undefined && sha256 !== undefined && !this.#received.has(sha256))
        this.#owed.set(sha256, size);
    }
    if (this.#entries.size > SYNC_FILES_MAX)
      throw new AzdsError("PROTOCOL", `A tree may hold at most ${SYNC_FILES_MAX} entries`);
  }

  #leave(paths: readonly string[]): void {
    for (const path of paths) {
      if (this.#ports.difference === undefined) this.#entries.delete(path);
      else this.#gone.add(path);
    }
  }

  #commit(): Promise<Committed> {
    const { difference, target } = this.#ports;
    const entries = [...this.#entries.values()];
    return difference === undefined ? target.commit(parseManifest(entries)) : this.#commitChanges(difference, entries);
  }

  async #commitChanges(difference: DifferenceTarget, entries: readonly TreeEntry[]): Promise<Committed> {
    const [write, failed]: [TreeEntry[], FailedPath[]] = [[], []];
    for (const entry of entries) {
      if (entry.sha256 === undefined || this.#received.has(entry.sha256)) write.push(entry);
      else failed.push({ path: entry.path, why: "It changed while it was read" });
    }
    write.sort((a, b) => comparePaths(a.path, b.path));
    const committed = await difference.commit({ remove: [...this.#gone], write });
    return { ...committed, failed: [...failed, ...(committed.failed ?? [])] };
  }

  async #answer(): Promise<void> {
    const manifest = parseManifest([...this.#entries.values()]);
    const hashes = await this.#ports.target.lacks(manifest);
    const lacking = new Set(hashes);
    this.#owed.clear();
    for (const { sha256, size } of manifest.entries) {
      if (sha256 !== undefined && lacking.has(sha256)) this.#owed.set(sha256, size);
    }
    for (let at = 0; at === 0 || at < hashes.length; at += SYNC_BATCH_MAX) {
      const last = at + SYNC_BATCH_MAX >= hashes.length;
      await this.#send({ type: "lacks", hashes: hashes.slice(at, at + SYNC_BATCH_MAX), last });
    }
  }

  async #takeBlob(first: BlobHead, body: Uint8Array): Promise<void> {
    const size = this.#owed.get(first.sha256);
    if (size === undefined) throw new AzdsError("PROTOCOL", "The peer sent a content that nobody asked for");
    const content = new BlobContent({ head: first, body }, size, () => this.#next());
    try {
      await this.#ports.target.putBlob({ sha256: first.sha256, size }, content.chunks());
      this.#owed.delete(first.sha256);
      if (this.#ports.difference !== undefined) this.#received.add(first.sha256);
    } catch (error) {
      // The sender has another file of that content, or tells another entry for the path.
      if (!(error instanceof ContentChanged)) throw error;
    }
  }

  async #next(): Promise<Received> {
    const message = await this.#ports.reader.next();
    if (message === undefined) throw new AzdsError("CONNECTION_LOST", "The sender ended the sync before it was done");
    return { head: parseSenderHead(message.head), body: message.body };
  }

  #send(head: ReceiverHead): Promise<void> {
    return sendMessage(this.#ports.stream, head);
  }
}

type BlobHead = Extract<SenderHead, { type: "blob" }>;

interface Received<Head extends SenderHead = SenderHead> {
  readonly head: Head;
  readonly body: Uint8Array;
}

/** The file changed while the sender read it. */
class ContentChanged extends Error {}

/** The messages of one content as its bytes. */
class BlobContent {
  readonly #first: Received<BlobHead>;
  readonly #size: number;
  readonly #next: () => Promise<Received>;

  constructor(first: Received<BlobHead>, size: number, next: () => Promise<Received>) {
    this.#first = first;
    this.#size = size;
    this.#next = next;
  }

  /** @throws ContentChanged, AzdsError PROTOCOL when there are more or fewer bytes than were told */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    let received = 0;
    for (let { head, body } = this.#first; ; { head, body } = await this.#following()) {
      if (head.state === "changed") throw new ContentChanged();
      received += body.length;
      if (
        received > this.#size ||
        (head.state === "last" && received < this.#size) ||
        (head.state === "more" && body.length === 0)
      ) {
        throw new AzdsError("PROTOCOL", "The peer sent a content of another size than it told");
      }
      yield body;
      if (head.state === "last") return;
    }
  }

  async #following(): Promise<Received<BlobHead>> {
    const { head, body } = await this.#next();
    if (head.type !== "blob" || head.sha256 !== this.#first.head.sha256) throw outOfTurn();
    return { head, body };
  }
}

function outOfTurn(): AzdsError {
  return new AzdsError("PROTOCOL", "The peer sent a message of the sync protocol out of turn");
}

function failure(cause: unknown): AzdsError {
  const why = cause instanceof Error && "code" in cause ? String(cause.code) : "internal error";
  return new AzdsError("SYNC_FAILED", `The files could not be stored (${why})`, { cause });
}
