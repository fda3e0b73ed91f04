/** The order among the services of one command: each begins when those that it requires run. */
import { AzdsError } from "../../../core/errors.ts";
import type { Emit } from "../events.ts";

export class Requirements {
  readonly #running = new Map<string, PromiseWithResolvers<void>>();

  /** @param services names of all services of the command */
  constructor(services: readonly string[]) {
    for (const name of services) {
      const running = Promise.withResolvers<void>();
      // Nobody may be waiting for it.
      running.promise.catch(() => undefined);
      this.#running.set(name, running);
    }
  }

  /** The same events; the one by which `up` tells that a service runs lets those begin that wait for it. */
  telling(name: string, emit: Emit): Emit {
    return (event) => {
      emit(event);
      if (event.type === "result" && event.name === "up") this.#running.get(name)?.resolve();
    };
  }

  /** @throws AzdsError REQUIRED_NOT_UP when one of them has failed; the signal's reason */
  async wait(required: readonly string[], signal: AbortSignal): Promise<void> {
    const stopped = Promise.withResolvers<never>();
    stopped.promise.catch(() => undefined);
    const stop = (): void => stopped.reject(signal.reason instanceof Error ? signal.reason : new Error("Aborted"));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      const running = required.map(async (name) => this.#running.get(name)?.promise);
      await Promise.race([Promise.all(running), stopped.promise]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  failed(name: string): void {
    this.#running
      .get(name)
      ?.reject(new AzdsError("REQUIRED_NOT_UP", `\`${name}\`, which it requires, did not come up; it was not touched`));
  }
}
