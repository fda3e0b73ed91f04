/** A clock that stands still until a test moves it. */
import type { Clock } from "../../core/host/clock.ts";

export interface ManualClock extends Clock {
  /** Moves time on by `ms`, waking sleepers in order; between two of them everything that can run does. */
  readonly advance: (ms: number) => Promise<void>;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** @param start milliseconds since the epoch */
export function manualClock(start = Date.UTC(2026, 0, 1)): ManualClock {
  let now = start;
  const sleepers = new Set<Sleeper>();
  return {
    now: () => now,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => {
          sleepers.delete(sleeper);
          reject(new Error("Aborted"));
        };
        const sleeper: Sleeper = {
          at: now + ms,
          wake: () => {
            sleepers.delete(sleeper);
            signal?.removeEventListener("abort", onAbort);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
    advance: async (ms) => {
      const end = now + ms;
      await settle();
      for (let next = earliest(sleepers, end); next !== undefined; next = earliest(sleepers, end)) {
        now = Math.max(now, next.at);
        next.wake();
        await settle();
      }
      now = end;
    },
  };
}

/** Lets promises that depend on no timer run to their end. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

function earliest(sleepers: Iterable<Sleeper>, end: number): Sleeper | undefined {
  return [...sleepers].filter((sleeper) => sleeper.at <= end).toSorted((a, b) => a.at - b.at)[0];
}
