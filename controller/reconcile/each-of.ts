import type { Log } from "../../core/host/log.ts";
import { RECONCILE_CALLS_MAX } from "../../core/limits.ts";

/** Runs `act` for each item, RECONCILE_CALLS_MAX at a time; a failure concerns its item only. */
export async function eachOf<T>(items: readonly T[], act: (item: T) => Promise<void>, log: Log): Promise<void> {
  const queue = items.values();
  const work = async (): Promise<void> => {
    for (const item of queue) {
      // The number of loops bounds the calls under way.
      await act(item).catch((error: unknown) => log("warn", "Change failed", { item, error: String(error) }));
    }
  };
  await Promise.all(Array.from({ length: RECONCILE_CALLS_MAX }, work));
}
