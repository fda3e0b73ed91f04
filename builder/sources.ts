/** Receives synced trees, each namespace into folders of its own. */
import { diskReceiver } from "../core/sync/disk-receiver.ts";
import { receiveTree, type TreeReceiver } from "../core/sync/receive.ts";
import type { ByteStream } from "../core/wire/byte-stream.ts";
import type { NamespaceFolders } from "./folders.ts";

/** One receiver per namespace, because it keeps syncs of the same tree apart. */
export function sourceReceiver(): (stream: ByteStream, folders: NamespaceFolders) => Promise<void> {
  const receivers = new Map<string, TreeReceiver>();
  return async (stream, folders) => {
    const receiver = receivers.get(folders.trees) ?? diskReceiver({ blobs: folders.blobs, trees: folders.trees });
    receivers.set(folders.trees, receiver);
    await receiveTree(stream, receiver);
  };
}
