/** Keeps synced trees on disk: the disk is the truth, hashes of earlier syncs only save reading it. */
import { chmodSync, lstatSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { AzdsError } from "../errors.ts";
import { nextTurn } from "../host/turn.ts";
import { FILES_PER_TURN } from "../limits.ts";
import { BlobStore } from "./blob-store.ts";
import { loadHashes, saveHashes } from "./hash-cache.ts";
import { type Manifest, type TreeDiff, type TreeEntry, diffManifests } from "./manifest.ts";
import type { Committed } from "./messages.ts";
import { nativePath } from "./native-path.ts";
import type { Blob, TreeReceiver, TreeTarget } from "./receive.ts";
import { type HashedFile, type ScannedTree, hashedFile, scanTree } from "./scan.ts";

/** Both on the same file system. */
export interface ReceiverFolders {
  /** Contents of files, shared by all trees. Whatever lies here may be removed while no sync runs. */
  readonly blobs: string;
  /** `<session>/<context id>` each. Only the receiver may write here. */
  readonly trees: string;
}

const TREE_NAME = /^[a-zA-Z0-9][\w.-]{0,127}\/[a-zA-Z0-9][\w.-]{0,127}$/;

/** One receiver per folders and process: it keeps two syncs of one tree apart. */
export function diskReceiver(folders: ReceiverFolders): TreeReceiver {
  const blobs = new BlobStore(folders.blobs);
  const queues = new Map<string, Promise<void>>();
  return {
    open: async (tree) => {
      if (!TREE_NAME.test(tree)) throw new AzdsError("PROTOCOL", "The name of the tree is not `<session>/<context>`");
      const closed = Promise.withResolvers<void>();
      const before = queues.get(tree);
      queues.set(tree, closed.promise);
      await before;
      const release = (): void => {
        if (queues.get(tree) === closed.promise) queues.delete(tree);
        closed.resolve();
      };
      const root = join(folders.trees, tree);
      const hashFile = join(folders.blobs, "hashes", `${tree.replace("/", "~")}.json`);
      try {
        return await DiskTree.open({ blobs, root, hashFile, release });
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}

interface TreePorts {
  readonly blobs: BlobStore;
  readonly root: string;
  /** Where the hashes are kept for the next sync. */
  readonly hashFile: string;
  readonly release: () => void;
}

class DiskTree implements TreeTarget {
  readonly #ports: TreePorts;
  readonly #current: ScannedTree;
  /** Contents that have come with this sync and are in no tree yet. */
  readonly #fresh = new Set<string>();

  static async open(ports: TreePorts): Promise<DiskTree> {
    ports.blobs.prepare();
    mkdirSync(ports.root, { recursive: true });
    const hashes = loadHashes(ports.hashFile);
    return new DiskTree(ports, await scanTree(ports.root, { ignore: () => false, hashes }));
  }

  constructor(ports: TreePorts, current: ScannedTree) {
    this.#ports = ports;
    this.#current = current;
  }

  async lacks(manifest: Manifest): Promise<readonly string[]> {
    const { write } = diffManifests(this.#current, accessible(manifest));
    const sizes = new Map(write.flatMap(({ sha256, size }) => (sha256 === undefined ? [] : [[sha256, size]])));
    const lacking: string[] = [];
    let looked = 0;
    for (const [sha256, size] of sizes) {
      if (!(await this.#ports.blobs.has({ sha256, size }))) lacking.push(sha256);
      looked += 1;
      if (looked % FILES_PER_TURN === 0) await nextTurn();
    }
    return lacking;
  }

  async putBlob(blob: Blob, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#ports.blobs.put(blob, chunks);
    this.#fresh.add(blob.sha256);
  }

  async commit(manifest: Manifest): Promise<Committed> {
    const wanted = accessible(manifest);
    const diff = diffManifests(this.#current, wanted);
    if (diff.remove.length + diff.write.length === 0) return { written: 0, deleted: 0 };
    const written = await this.#apply(diff);
    this.#saveHashes(wanted, written);
    const kept = new Set(wanted.entries.map((entry) => entry.path));
    return { written: diff.write.length, deleted: diff.remove.filter((entry) => !kept.has(entry.path)).length };
  }

  close(): Promise<void> {
    this.#ports.release();
    return Promise.resolve();
  }

  /** What is now known of the files that were written. */
  async #apply(diff: TreeDiff): Promise<Map<string, HashedFile>> {
    const before = new Map(this.#current.entries.map((entry) => [entry.path, entry]));
    const hashed = new Map<string, HashedFile>();
    for (const { path } of diff.remove)
      rmSync(nativePath(`${this.#ports.root}/${path}`), { recursive: true, force: true });
    for (const [index, entry] of diff.write.entries()) {
      const full = `${this.#ports.root}/${entry.path}`;
      const old = before.get(entry.path);
      await this.#write(full, entry, old?.kind === entry.kind ? old : undefined);
      if (entry.sha256 !== undefined)
        hashed.set(entry.path, hashedFile(lstatSync(nativePath(full), { bigint: true }), entry.sha256));
      if (index % FILES_PER_TURN === 0) await nextTurn();
    }
    return hashed;
  }

  /** @param old what is there, of the same kind */
  async #write(path: string, entry: TreeEntry, old: TreeEntry | undefined): Promise<void> {
    const full = nativePath(path);
    switch (entry.kind) {
      case "directory":
        if (old === undefined) mkdirSync(full);
        return chmodSync(full, entry.mode);
      case "symlink": {
        const temporary = this.#ports.blobs.temporary();
        symlinkSync(nativePath(entry.target ?? ""), temporary);
        return renameSync(temporary, full);
      }
      case "file": {
        if (old?.sha256 === entry.sha256) return chmodSync(full, entry.mode);
        return this.#writeFile(full, entry, old !== undefined);
      }
    }
  }

  async #writeFile(full: string | Buffer, { sha256 = "", mode }: TreeEntry, replaces: boolean): Promise<void> {
    const isFresh = this.#fresh.delete(sha256);
    if (isFresh && !replaces) return this.#ports.blobs.lend(sha256, { path: full, mode });
    const temporary = this.#ports.blobs.temporary();
    if (isFresh) this.#ports.blobs.lend(sha256, { path: temporary, mode });
    else await this.#ports.blobs.copyTo(sha256, { path: temporary, mode });
    renameSync(temporary, full);
  }

  #saveHashes(wanted: Manifest, written: ReadonlyMap<string, HashedFile>): void {
    const hashes: Record<string, HashedFile> = {};
    for (const { path } of wanted.entries) {
      const hashed = written.get(path) ?? this.#current.hashes[path];
      if (hashed !== undefined) hashes[path] = hashed;
    }
    saveHashes(this.#ports.hashFile, hashes, this.#ports.blobs.temporary());
  }
}

/** With what the receiver needs to read files, and to enter and change folders, another time. */
function accessible(manifest: Manifest): Manifest {
  const needed = { directory: 0o700, file: 0o400, symlink: 0 } as const;
  return { entries: manifest.entries.map((entry) => ({ ...entry, mode: entry.mode | needed[entry.kind] })) };
}
