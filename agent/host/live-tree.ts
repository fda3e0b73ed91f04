/**
 * The files of the running container: what a sync brings is put into the target path by path, each whole at any moment,
 * and kept in the journal, from which it is put there again after a restart.
 */
import { randomUUID } from "node:crypto";
import { FILES_PER_TURN } from "../../core/limits.ts";
import { AzdsError } from "../../core/errors.ts";
import { nextTurn } from "../../core/host/turn.ts";
import type { TreeReceiver } from "../../core/sync/receive.ts";
import { type HashedFile } from "../../core/sync/scan.ts";
import { SYNC_TREE } from "../../core/agent-protocol.ts";
import type { Journal } from "./journal.ts";
import type { CommitRecord } from "./journal-record.ts";
import { LiveSync } from "./live-sync.ts";
import { restoreTree } from "./restore.ts";
import { Staging } from "./staging.ts";
import { codeOf } from "./system-error.ts";
import { TrackedTree } from "./tracked-tree.ts";

export interface LiveTreeOptions {
  /** Folder without symlinks in its path. */
  readonly target: string;
  /** Why nothing can be written there. */
  readonly refusal?: string | undefined;
  /** Opens the journal; throws what the system says where it cannot be kept. Absent: nothing is kept. */
  readonly openJournal?: (replay: (record: CommitRecord) => void) => Journal;
  /** What a journal starts with that has never had a commit; `undefined` for nothing. */
  readonly firstRecord?: (journal: Journal) => Promise<CommitRecord | undefined>;
  /** A sentence for the container's log. */
  readonly say: (sentence: string) => Promise<void>;
  /** After each commit. */
  readonly onChange?: () => void;
}

export class LiveTree {
  readonly tracked = new TrackedTree();
  /** Paths that were synced once and are gone: the image may have them. */
  readonly tombstones = new Set<string>();
  readonly hashes = new Map<string, HashedFile>();
  readonly staging: Staging;
  readonly #options: LiveTreeOptions;
  readonly #instance = randomUUID();
  #commits = 0;
  #journal: Journal | undefined;
  #turn: Promise<void> = Promise.resolve();
  #syncs = 0;

  constructor(options: LiveTreeOptions) {
    this.#options = options;
    this.staging = new Staging(options.target);
  }

  get target(): string {
    return this.#options.target;
  }

  get revision(): string {
    return `${this.#instance}-${this.#commits}`;
  }

  get keepsContents(): boolean {
    return this.#journal !== undefined;
  }

  /** Syncs that were begun: while one is at work, what lies in the target is not what is tracked. */
  get syncs(): number {
    return this.#syncs;
  }

  /** Resolves when the syncs that were begun are over. */
  async idle(): Promise<void> {
    await this.#turn;
  }

  /** Something is, or was, tracked that the image has not. */
  get isEdited(): boolean {
    if (this.tombstones.size > 0) return true;
    for (const path of this.tracked.paths()) if (this.tracked.get(path)?.content !== undefined) return true;
    return false;
  }

  /** Puts what the journal holds into the target; before the application starts, once. */
  async restore(): Promise<void> {
    if (this.#options.refusal !== undefined) return;
    this.staging.clear();
    try {
      this.#journal = this.#options.openJournal?.((record) => this.apply(record));
    } catch (error) {
      this.#loseJournal(error);
    }
    if (this.#journal?.size === 0) await this.#begin(this.#journal);
    if (this.#journal !== undefined) await restoreTree(this, this.#journal, this.#options.say);
  }

  /** A new pod of an edited session has the edits in its journal before anything else, as if it were an old one. */
  async #begin(journal: Journal): Promise<void> {
    const { firstRecord, say } = this.#options;
    try {
      const record = await firstRecord?.(journal);
      if (record === undefined) return;
      journal.commit(record);
      this.apply(record);
    } catch (error) {
      this.withJournal(() => journal.cutTo());
      await say(`the edits of the pod before could not be read, so the application starts without (${String(error)})`);
    }
  }

  readonly receiver: TreeReceiver = {
    open: async (tree) => {
      if (tree !== SYNC_TREE) throw new AzdsError("PROTOCOL", `The agent has no tree \`${tree}\``);
      const { refusal } = this.#options;
      if (refusal !== undefined) throw new AzdsError("SYNC_TARGET_UNWRITABLE", refusal);
      const mine = Promise.withResolvers<void>();
      const before = this.#turn;
      this.#turn = mine.promise;
      this.#syncs += 1;
      await before;
      return new LiveSync(this, () => mine.resolve());
    },
  };

  /** What is tracked, after a commit. */
  apply({ removed, written }: CommitRecord): void {
    for (const path of removed) {
      this.tracked.delete(path);
      this.hashes.delete(path);
      this.tombstones.add(path);
    }
    for (const tracked of written) {
      this.tracked.set(tracked);
      this.tombstones.delete(tracked.entry.path);
    }
  }

  commit(record: CommitRecord): void {
    this.withJournal((journal) => journal.commit(record));
    this.apply(record);
    this.#commits += 1;
    this.#options.onChange?.();
  }

  /** Where the journal cannot be written, that is said once, and the rest goes on without. */
  withJournal<T>(work: (journal: Journal) => T): T | undefined {
    if (this.#journal === undefined) return undefined;
    try {
      return work(this.#journal);
    } catch (error) {
      this.#loseJournal(error);
      return undefined;
    }
  }

  /** After a sync: takes back what was not committed, and writes the journal anew when most of it is of no use. */
  async tidy(): Promise<void> {
    this.staging.remove();
    this.withJournal((journal) => journal.cutTo());
    const journal = this.#journal;
    if (journal?.isWasteful(this.tracked.contentBytes) !== true) return;
    try {
      const written = await journal.rewrite({ removed: [...this.tombstones], written: this.tracked.sorted() });
      await this.#inTurns(written, (tracked) => this.tracked.set(tracked));
    } catch (error) {
      this.#loseJournal(error);
    }
  }

  async #inTurns<T>(all: readonly T[], work: (one: T) => void): Promise<void> {
    for (const [index, one] of all.entries()) {
      work(one);
      if (index % (16 * FILES_PER_TURN) === 0) await nextTurn();
    }
  }

  #loseJournal(error: unknown): void {
    const code = codeOf(error);
    if (code === undefined) throw error;
    const journal = this.#journal;
    this.#journal = undefined;
    try {
      journal?.cutTo();
      journal?.close();
    } catch {
      // What is there is cut when it is read.
    }
    void this.#options.say(`synced files cannot be kept for a restart of the container (${code})`);
  }
}
