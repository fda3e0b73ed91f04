/** A receiver of trees that also tells when a sync has changed something, before its sender hears of it. */
import type { Committed } from "../../core/sync/messages.ts";
import type { TreeReceiver, TreeTarget } from "../../core/sync/receive.ts";

export function tellingChanges(receiver: TreeReceiver, tell: () => void): TreeReceiver {
  const told = (committed: Committed): Committed => {
    if (committed.written + committed.deleted > 0) tell();
    return committed;
  };
  return {
    open: async (tree) => {
      const target = await receiver.open(tree);
      return telling(target, told);
    },
  };
}

function telling(target: TreeTarget, told: (committed: Committed) => Committed): TreeTarget {
  const { difference } = target;
  return {
    lacks: async (manifest) => target.lacks(manifest),
    putBlob: async (blob, chunks) => target.putBlob(blob, chunks),
    commit: async (manifest) => told(await target.commit(manifest)),
    close: async () => target.close(),
    ...(difference === undefined
      ? {}
      : {
          difference: {
            revision: difference.revision,
            commit: async (changes) => told(await difference.commit(changes)),
          },
        }),
  };
}
