import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { receiveTree, type TreeReceiver } from "../../../../core/sync/receive.ts";
import { scanTree } from "../../../../core/sync/scan.ts";
import { type SendOptions, type SyncResult, sendTree } from "../../../../core/sync/send.ts";
import type { ByteStream } from "../../../../core/wire/byte-stream.ts";
import { memoryPair } from "../../../fakes/memory-stream.ts";

/** Runs `work` with a folder of its own, removed afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "azds-sync-test-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const NOTHING_IGNORED = (): boolean => false;

export interface SyncRun {
  readonly root: string;
  readonly receiver: TreeReceiver;
  readonly tree?: string;
  readonly options?: Partial<SendOptions>;
  /** Changes the sender's stream. */
  readonly carrier?: (stream: ByteStream) => ByteStream;
}

/** Scans and syncs a folder in one go. */
export async function syncOnce(run: SyncRun): Promise<SyncResult> {
  const [near, far] = memoryPair();
  const receiving = receiveTree(far, run.receiver);
  // The sender's error says more.
  receiving.catch(() => {});
  const manifest = await scanTree(run.root, { ignore: NOTHING_IGNORED });
  const carrier = run.carrier?.(near) ?? near;
  const result = await sendTree(carrier, {
    tree: run.tree ?? "azds-aaaaaa/c",
    root: run.root,
    manifest,
    ...run.options,
  });
  await receiving;
  return result;
}

/** What is in a folder, for comparing; a receiver may always enter its folders. */
export async function contentsOf(folder: string): Promise<readonly string[]> {
  const { entries } = await scanTree(folder, { ignore: NOTHING_IGNORED });
  return entries.map(({ path, kind, mode, sha256, target }) => {
    const shown = kind === "directory" ? mode | 0o700 : mode;
    return [path, kind, shown.toString(8), sha256 ?? target].join(" ");
  });
}
