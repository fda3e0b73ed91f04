/** Wakes whoever looks for files that may come back: by the kernel's events where it can, else after a while. */
import { type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../../core/host/clock.ts";
import { SYNC_BACK_WATCHES_MAX } from "../../../core/limits.ts";

export class BackWatch {
  readonly #target: string;
  readonly #clock: Clock;
  readonly #watchers = new Map<string, FSWatcher>();
  #told = Promise.withResolvers<void>();

  constructor(target: string, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
  }

  /** Watches these folders, relative to the target, and no others; SYNC_BACK_WATCHES_MAX of them at most. */
  follow(folders: readonly string[]): void {
    const wanted = new Set(folders.slice(0, SYNC_BACK_WATCHES_MAX));
    for (const folder of this.#watchers.keys()) if (!wanted.has(folder)) this.#leave(folder);
    for (const folder of wanted) if (!this.#watchers.has(folder)) this.#watch(folder);
  }

  /** What is told from here on ends the next `change`. */
  reset(): void {
    this.#told = Promise.withResolvers();
  }

  /** Resolves when something was told since `reset`, after `ms`, or with the signal. */
  async change(ms: number, signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const late = this.#clock.sleep(ms, AbortSignal.any([signal, done.signal])).catch(() => undefined);
    await Promise.race([this.#told.promise, late]);
    done.abort();
  }

  close(): void {
    for (const folder of this.#watchers.keys()) this.#leave(folder);
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(join(this.#target, folder), { persistent: false }, () => this.#told.resolve());
      // It is gone: the look that follows finds out.
      watcher.on("error", () => this.#leave(folder));
      this.#watchers.set(folder, watcher);
    } catch {
      // At the kernel's limit, or gone: it is looked at again all the same.
    }
  }

  #leave(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
    this.#told.resolve();
  }
}
