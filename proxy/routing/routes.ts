/** The route table of this pod, and who waits for its first content. */
import type { FeedMessage } from "../../core/route-table.ts";
import { RouteTable } from "../../core/routing.ts";
import { FIRST_TABLE_MS_MAX } from "../../core/limits.ts";

export class Routes {
  readonly table = new RouteTable();
  readonly #waiting = new Set<() => void>();

  get ready(): boolean {
    return this.table.ready;
  }

  /** False when the feed must begin again with a snapshot. */
  apply(message: FeedMessage): boolean {
    const continued = this.table.apply(message);
    if (this.table.ready) {
      for (const wake of this.#waiting) wake();
      this.#waiting.clear();
    }
    return continued;
  }

  /** Resolves with the first table, or after `ms` without one. */
  async first(ms: number = FIRST_TABLE_MS_MAX): Promise<void> {
    if (this.ready) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }
}
