/** Takes the edits of a session from the node's builder, for the agent to start with (core/edits.ts). */
import { mkdir, open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type EditsQuery, parseEditsAnswer } from "../../core/builder-protocol.ts";
import { EDITS_MANIFEST, type EditsSummary } from "../../core/edits.ts";
import { AzdsError } from "../../core/errors.ts";
import type { Clock } from "../../core/host/clock.ts";
import type { Log } from "../../core/host/log.ts";
import { EDITS_TAKEN_MS_MAX } from "../../core/limits.ts";
import type { SessionTag } from "../../core/session.ts";
import { receiveTree, type TreeReceiver, type TreeTarget } from "../../core/sync/receive.ts";
import type { ByteStream } from "../../core/wire/byte-stream.ts";
import { messageReader, sendMessage } from "../../core/wire/messages.ts";
import { createMux } from "../../core/wire/mux.ts";

export interface EditsOptions {
  readonly tag: SessionTag;
  /** Made when there are edits. */
  readonly folder: string;
  /** A connection that the builder has welcomed. */
  readonly connect: () => Promise<ByteStream>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** `undefined` when there are none, or none that can be had in time: the pod starts without. Rejects by the signal. */
export async function takeEdits(options: EditsOptions): Promise<EditsSummary | undefined> {
  const { clock, log, signal } = options;
  const done = new AbortController();
  const late = clock.sleep(EDITS_TAKEN_MS_MAX, AbortSignal.any([signal, done.signal])).then(() => {
    throw new AzdsError("TIMED_OUT", "The builder did not send them in time");
  });
  late.catch(() => undefined);
  try {
    const taken = await Promise.race([take(options, done.signal), late]);
    if (taken === undefined) log("warn", "What was edited in place in earlier pods is with no builder that answers");
    else log("info", "The pod starts with what was edited in place in earlier pods", { edits: taken.edits });
    return taken;
  } catch (error) {
    signal.throwIfAborted();
    log("warn", "The pod starts without what was edited in place in earlier pods", { error: String(error) });
    return undefined;
  } finally {
    done.abort();
  }
}

async function take({ tag, folder, connect }: EditsOptions, over: AbortSignal): Promise<EditsSummary | undefined> {
  const carrier = await connect();
  const leave = (): void => carrier.abort();
  if (over.aborted) leave();
  over.addEventListener("abort", leave, { once: true });
  const stream = createMux(carrier, { role: "client" }).open("edits");
  const { session, build } = tag;
  await sendMessage(stream, { session, build, peers: true } satisfies EditsQuery);
  const found = parseEditsAnswer((await messageReader(stream).next())?.head);
  if (found === undefined) return undefined;
  await mkdir(folder, { recursive: true });
  await sendMessage(stream, { take: true });
  await receiveTree(stream, receiverInto(folder));
  return { edits: found.edits, id: found.id };
}

/** The manifest comes last: without it, nothing of the folder counts. */
function receiverInto(folder: string): TreeReceiver {
  const target: TreeTarget = {
    lacks: async ({ entries }) => {
      const hashes = entries.flatMap(({ sha256 }) => (sha256 === undefined ? [] : [sha256]));
      return Promise.resolve([...new Set(hashes)]);
    },
    putBlob: async ({ sha256 }, chunks) => {
      const hasher = new Bun.CryptoHasher("sha256");
      // The agent reads it under any user id.
      const file = await open(join(folder, sha256), "w", 0o644);
      try {
        for await (const chunk of chunks) {
          hasher.update(chunk);
          await file.writeFile(chunk);
        }
      } finally {
        await file.close();
      }
      if (hasher.digest("hex") !== sha256)
        throw new AzdsError("PROTOCOL", "The builder sent a content that is not what its hash says");
    },
    commit: async ({ entries }) => {
      const partial = join(folder, `.${EDITS_MANIFEST}.tmp`);
      await writeFile(partial, JSON.stringify(entries), { mode: 0o644 });
      await rename(partial, join(folder, EDITS_MANIFEST));
      return { written: entries.length, deleted: 0 };
    },
    close: () => Promise.resolve(),
  };
  return { open: () => Promise.resolve(target) };
}
