/** Receives synced trees, each namespace into folders of its own. */
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { DISK_FULL } from "../core/builder-protocol.ts";
import { diskReceiver } from "../core/sync/disk-receiver.ts";
import { receiveTree, type TreeReceiver } from "../core/sync/receive.ts";
import type { ByteStream } from "../core/wire/byte-stream.ts";
import type { NamespaceFolders } from "./folders.ts";
import type { MakeRoom } from "./make-room.ts";
import { forgetManifest, keepManifest } from "./tree-manifest.ts";
import { forgetVersion, noteVersion } from "./tree-version.ts";

/** One receiver per namespace, because it keeps syncs of the same tree apart. */
export function sourceReceiver(makeRoom: MakeRoom): (stream: ByteStream, folders: NamespaceFolders) => Promise<void> {
  const receivers = new Map<string, TreeReceiver>();
  return async (stream, folders) => {
    const receiver =
      receivers.get(folders.trees) ??
      makingRoom(versioned(diskReceiver({ blobs: folders.blobs, trees: folders.trees }), folders), makeRoom);
    receivers.set(folders.trees, receiver);
    await receiveTree(stream, receiver);
  };
}

/** What fails for want of room fails all the same, but not before there is room for the sender's next try. */
function makingRoom(receiver: TreeReceiver, makeRoom: MakeRoom): TreeReceiver {
  const trying = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (DISK_FULL.test(String(error))) await makeRoom();
      throw error;
    }
  };
  return {
    open: async (tree) => {
      const target = await trying(() => receiver.open(tree));
      return {
        lacks: (manifest) => target.lacks(manifest),
        putBlob: (blob, chunks) => trying(() => target.putBlob(blob, chunks)),
        commit: (manifest) => trying(() => target.commit(manifest)),
        close: () => target.close(),
      };
    },
  };
}

/** A tree that is being changed, or was left half changed, has no version. */
function versioned(receiver: TreeReceiver, folders: NamespaceFolders): TreeReceiver {
  return {
    open: async (tree) => {
      const target = await receiver.open(tree);
      return {
        lacks: (manifest) => target.lacks(manifest),
        putBlob: (blob, chunks) => target.putBlob(blob, chunks),
        commit: async (manifest) => {
          await forgetVersion(folders, tree);
          await forgetManifest(folders, tree);
          const committed = await target.commit(manifest);
          await keepManifest(folders, tree, manifest);
          // Its own time says when it was last used (builder/cleanup.ts).
          await utimes(join(folders.trees, tree), new Date(), new Date());
          await noteVersion(folders, tree, manifest);
          return committed;
        },
        close: () => target.close(),
      };
    },
  };
}
