import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AzdsError } from "../../../../core/errors.ts";
import { diskReceiver } from "../../../../core/sync/disk-receiver.ts";
import type { TreeEntry } from "../../../../core/sync/manifest.ts";
import { type TreeChanges, type TreeReceiver, receiveTree } from "../../../../core/sync/receive.ts";
import { scanTree } from "../../../../core/sync/scan.ts";
import { type ChangesResult, sendChanges } from "../../../../core/sync/send-changes.ts";
import { createMux } from "../../../../core/wire/mux.ts";
import { memoryPair } from "../../../fakes/memory-stream.ts";
import { bytesOf, codeOf } from "../wire/support.ts";
import { NOTHING_IGNORED, withFolder } from "./support.ts";

/** They are files of a real disk, which others may use as well. */
const MANY_FILES_MS_MAX = 60_000;

interface Received {
  readonly receiver: TreeReceiver;
  readonly changes: TreeChanges[];
  /** Bytes of each content, by hash. */
  readonly contents: Map<string, number>;
}

function receiverAt(revision: string): Received {
  const changes: TreeChanges[] = [];
  const contents = new Map<string, number>();
  const receiver: TreeReceiver = {
    open: () =>
      Promise.resolve({
        lacks: () => Promise.reject(new Error("Nobody asks")),
        commit: () => Promise.reject(new Error("This is no whole tree")),
        close: () => Promise.resolve(),
        putBlob: async ({ sha256 }, chunks) => {
          let size = 0;
          for await (const chunk of chunks) size += chunk.length;
          contents.set(sha256, size);
        },
        difference: {
          revision,
          commit: (change) => {
            changes.push(change);
            const written = change.write.length;
            return Promise.resolve({ written, deleted: change.remove.length, revision: "2" });
          },
        },
      }),
  };
  return { receiver, changes, contents };
}

interface Sending {
  readonly root: string;
  readonly write: readonly TreeEntry[];
  readonly remove?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Over a multiplexed connection, as in the field. */
async function send(receiver: TreeReceiver, sending: Sending): Promise<ChangesResult> {
  const [near, far] = memoryPair();
  const client = createMux(near, { role: "client" });
  createMux(far, { role: "server", accept: (_name, stream) => void receiveTree(stream, receiver).catch(() => {}) });
  try {
    return await sendChanges(client.open("sync"), { tree: "a/b", base: "1", remove: [], ...sending });
  } finally {
    await client.close();
  }
}

const entriesOf = async (root: string): Promise<readonly TreeEntry[]> =>
  (await scanTree(root, { ignore: NOTHING_IGNORED })).entries;

test("sendChanges() sends entries, removals and each content once, the large one in pieces", async () => {
  await withFolder(async (root) => {
    mkdirSync(join(root, "d"));
    for (const name of ["d/a", "d/b"]) writeFileSync(join(root, name), "same");
    writeFileSync(join(root, "empty"), "");
    writeFileSync(join(root, "large"), bytesOf(9_000_000, 1));
    const { receiver, changes, contents } = receiverAt("1");
    const write = await entriesOf(root);
    const result = await send(receiver, { root, write, remove: ["gone", "away"] });
    const told = { kind: "committed", revision: "2", written: 5, deleted: 2, failed: [], bytesSent: 9_000_004 };
    expect(result).toMatchObject(told);
    expect(changes).toEqual([{ write, remove: ["gone", "away"] }]);
    expect([...contents.values()].toSorted((a, b) => a - b)).toEqual([0, 4, 9_000_000]);
  });
});

test(
  "sendChanges() carries thousands of small files in one burst",
  async () => {
    await withFolder(async (root) => {
      for (let index = 0; index < 9_000; index += 1) writeFileSync(join(root, `f${index}`), `${index}`.repeat(100));
      const { receiver, contents } = receiverAt("1");
      expect(await send(receiver, { root, write: await entriesOf(root) })).toMatchObject({ written: 9_000 });
      expect(contents.size).toBe(9_000);
    });
  },
  MANY_FILES_MS_MAX,
);

test("sendChanges() tells that the receiver has another tree, or takes whole ones only, without sending all of it", async () => {
  await withFolder(async (root) => {
    writeFileSync(join(root, "large"), bytesOf(30_000_000, 1));
    const write = await entriesOf(root);
    const { receiver, contents } = receiverAt("another");
    expect(await send(receiver, { root, write })).toEqual({ kind: "stale" });
    expect(contents.size).toBe(0);
    await withFolder(async (folder) => {
      const disk = diskReceiver({ blobs: join(folder, "blobs"), trees: join(folder, "trees") });
      expect(await send(disk, { root, write })).toEqual({ kind: "stale" });
    });
  });
});

test("sendChanges() throws what the receiver says, and stops at the signal", async () => {
  await withFolder(async (root) => {
    writeFileSync(join(root, "large"), bytesOf(30_000_000, 1));
    const write = await entriesOf(root);
    const refusing: TreeReceiver = {
      open: () => Promise.reject(new AzdsError("SYNC_TARGET_UNWRITABLE", "User 1 may not write in `/app`")),
    };
    expect(await codeOf(send(refusing, { root, write }))).toBe("SYNC_TARGET_UNWRITABLE");
    const signal = AbortSignal.abort(new AzdsError("DECLINED", "enough"));
    expect(await codeOf(send(receiverAt("1").receiver, { root, write, signal }))).toBe("DECLINED");
  });
});
