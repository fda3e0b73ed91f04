/** Receives synced trees, each namespace into folders of its own. */
import { diskReceiver } from "../core/sync/disk-receiver.ts";
import { receiveTree, type TreeReceiver } from "../core/sync/receive.ts";
import type { ByteStream } from "../core/wire/byte-stream.ts";
import type { NamespaceFolders } from "./folders.ts";
import { forgetManifest, keepManifest } from "./tree-manifest.ts";
import { forgetVersion, noteVersion } from "./tree-version.ts";

/** One receiver per namespace, because it keeps syncs of the same tree apart. */
export function sourceReceiver(): (stream: ByteStream, folders: NamespaceFolders) => Promise<void> {
  const receivers = new Map<string, TreeReceiver>();
  return async (stream, folders) => {
    const receiver =
      receivers.get(folders.trees) ?? versioned(diskReceiver({ blobs: folders.blobs, trees: folders.trees }), folders);
    receivers.set(folders.trees, receiver);
    await receiveTree(stream, receiver);
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
          await noteVersion(folders, tree, manifest);
          return committed;
        },
        close: () => target.close(),
      };
    },
  };
}
