/** The agent's side of core/sync/back.ts: tells what the container made or changed, sends what is wanted of it. */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { AzdsError } from "../../../core/errors.ts";
import type { Clock } from "../../../core/host/clock.ts";
import {
  MESSAGE_BODY_BYTES_MAX,
  SYNC_BACK_FIRST_MS_MAX,
  SYNC_BACK_RESCAN_MS,
  SYNC_BACK_RESCAN_SHARE,
  SYNC_BACK_SETTLE_MS,
  SYNC_BATCH_MAX,
} from "../../../core/limits.ts";
import { type BackEvent, type BackFile, type BackRequest, parseBackRequest } from "../../../core/sync/back.ts";
import { BackGlobs, unsuitableGlob } from "../../../core/sync/back-globs.ts";
import type { ByteStream } from "../../../core/wire/byte-stream.ts";
import { messageReader, sendMessage } from "../../../core/wire/messages.ts";
import type { LiveTree } from "../live-tree.ts";
import { type Look, lookForBack } from "./look.ts";
import { BackWatch } from "./watch.ts";

export interface BackSource {
  readonly tree: LiveTree;
  /** Milliseconds since the epoch at which this container's life began. */
  readonly startedAt: number;
  readonly clock: Clock;
}

/**
 * Serves one follower until it ends its side.
 * @throws AzdsError SYNC_BACK_LIMIT, PROTOCOL, CONNECTION_LOST
 */
export async function sendBack(stream: ByteStream, source: BackSource): Promise<void> {
  const reader = messageReader(stream);
  const next = async (): Promise<BackRequest | undefined> => {
    const message = await reader.next();
    return message === undefined ? undefined : parseBackRequest(message);
  };
  const first = await next();
  if (first?.type !== "globs" || first.globs.some((glob) => unsuitableGlob(glob) !== undefined)) throw unexpected();
  const watch = new BackWatch(source.tree.target, source.clock);
  const sender = new BackSender({ ...source, stream, watch, globs: new BackGlobs(first.globs) });
  try {
    for (let isFirst = true; ; isFirst = false) {
      // Until it is told something, the peer has nothing to say but that it ends.
      const answered = new AbortController();
      const answer = next().finally(() => answered.abort());
      answer.catch(() => undefined);
      await sender.tell(await sender.changed(isFirst, answered.signal));
      const request = await answer;
      if (request === undefined) return await stream.end();
      if (request.type !== "wanted") throw unexpected();
      await sender.send(request.hashes);
    }
  } finally {
    watch.close();
  }
}

interface BackPorts extends BackSource {
  readonly stream: ByteStream;
  readonly watch: BackWatch;
  readonly globs: BackGlobs;
}

class BackSender {
  readonly #ports: BackPorts;
  /** Hashes that were told, by path. */
  #told = new Map<string, string>();
  #lastLookMs = 0;

  constructor(ports: BackPorts) {
    this.#ports = ports;
  }

  /** What was not told yet, as soon as there is something; the first time whatever there is. Empty with the signal. */
  async changed(isFirst: boolean, signal: AbortSignal): Promise<readonly BackFile[]> {
    const { watch, clock } = this.#ports;
    const patience = clock.now() + SYNC_BACK_FIRST_MS_MAX;
    while (!signal.aborted) {
      watch.reset();
      const look = await this.#look();
      watch.follow(look.folders);
      const fresh = look.files.filter(({ path, sha256 }) => this.#told.get(path) !== sha256);
      const waits = look.unsettled && (!isFirst || clock.now() < patience);
      if (!waits && (isFirst || fresh.length > 0)) return this.#remember(look, fresh);
      if (!look.unsettled) await watch.change(this.#pauseMs(), signal);
      // What comes in pieces is told once.
      await clock.sleep(SYNC_BACK_SETTLE_MS, signal).catch(() => undefined);
    }
    return [];
  }

  async tell(files: readonly BackFile[]): Promise<void> {
    for (let at = 0; at === 0 || at < files.length; at += SYNC_BATCH_MAX) {
      const last = at + SYNC_BATCH_MAX >= files.length;
      await this.#send({ type: "changed", files: files.slice(at, at + SYNC_BATCH_MAX), last });
    }
  }

  /** @throws AzdsError PROTOCOL for a content that was not told */
  async send(hashes: readonly string[]): Promise<void> {
    const paths = new Map([...this.#told].map(([path, sha256]) => [sha256, path]));
    for (const sha256 of hashes) {
      const path = paths.get(sha256);
      if (path === undefined) throw unexpected();
      if (!(await this.#sendContent(path, sha256))) this.#told.delete(path);
    }
  }

  /** What a sync is writing meanwhile is no change of the container's. */
  async #look(): Promise<Look> {
    const { tree, globs, startedAt, clock } = this.#ports;
    for (;;) {
      await tree.idle();
      const before = tree.syncs;
      const started = performance.now();
      const { target, tracked, hashes } = tree;
      const look = await lookForBack(globs, { target, tracked, hashes, startedAt, now: clock.now });
      this.#lastLookMs = performance.now() - started;
      if (tree.syncs === before) return look;
    }
  }

  #remember(look: Look, fresh: readonly BackFile[]): readonly BackFile[] {
    this.#told = new Map(look.files.map(({ path, sha256 }) => [path, sha256]));
    return fresh;
  }

  #pauseMs(): number {
    return Math.max(SYNC_BACK_RESCAN_MS, this.#lastLookMs * SYNC_BACK_RESCAN_SHARE);
  }

  /** False when the file does not hold it any more. */
  async #sendContent(path: string, sha256: string): Promise<boolean> {
    const file = openFile(join(this.#ports.tree.target, path));
    if (file !== undefined) {
      try {
        if (await this.#sendBytes(file, sha256)) return true;
      } finally {
        closeSync(file);
      }
    }
    await this.#send({ type: "content", sha256, state: "changed" });
    return false;
  }

  async #sendBytes(file: number, sha256: string): Promise<boolean> {
    const hasher = new Bun.CryptoHasher("sha256");
    for (let at = 0; ;) {
      const bytes = new Uint8Array(MESSAGE_BODY_BYTES_MAX);
      const count = readSync(file, bytes, 0, bytes.length, at);
      hasher.update(bytes.subarray(0, count));
      at += count;
      const isLast = count < bytes.length;
      if (isLast && hasher.digest("hex") !== sha256) return false;
      await this.#send({ type: "content", sha256, state: isLast ? "last" : "more" }, bytes.subarray(0, count));
      if (isLast) return true;
    }
  }

  #send(event: BackEvent, body?: Uint8Array): Promise<void> {
    return sendMessage(this.#ports.stream, event, body);
  }
}

/** `undefined` when it is gone, or a symlink by now. */
function openFile(full: string): number | undefined {
  try {
    return openSync(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

function unexpected(): AzdsError {
  return new AzdsError("PROTOCOL", "The peer sent a message out of turn while files were brought back");
}
