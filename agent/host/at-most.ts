import type { Clock } from "../../core/host/clock.ts";

/** Resolves when `work` is done, or after `ms` without it. Rejects when `work` does first. */
export async function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const enough = new AbortController();
  const patience = clock.sleep(ms, enough.signal).catch((error: unknown) => {
    if (!enough.signal.aborted) throw error;
  });
  try {
    await Promise.race([work, patience]);
  } finally {
    enough.abort();
  }
}
