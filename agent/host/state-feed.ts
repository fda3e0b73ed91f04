/** The agent's state for those who follow it: the newest each time, none twice for a slow reader. */
import type { AgentState } from "../../core/agent-protocol.ts";

export class StateFeed {
  readonly #read: () => AgentState;
  #changed = Promise.withResolvers<void>();
  #closed = false;

  constructor(read: () => AgentState) {
    this.#read = read;
  }

  readonly changed = (): void => {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  };

  close(): void {
    this.#closed = true;
    this.changed();
  }

  /** Now and after each change, until the feed or the follower ends. */
  async *follow(end: AbortSignal): AsyncGenerator<AgentState, void, undefined> {
    const ended = new Promise<void>((resolve) => end.addEventListener("abort", () => resolve(), { once: true }));
    while (!this.#closed && !end.aborted) {
      const change = this.#changed.promise;
      yield this.#read();
      await Promise.race([change, ended]);
    }
  }
}
