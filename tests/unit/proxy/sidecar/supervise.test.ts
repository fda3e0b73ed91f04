import { describe, expect, test } from "bun:test";
import {
  WORKER_ANSWER_MS_MAX,
  WORKER_QUICK_ENDS_MAX,
  WORKER_RESTART_MS_MAX,
  WORKER_STABLE_MS,
  WORKER_WATCH_MISSES_MAX,
  WORKER_WATCH_MS,
} from "../../../../core/limits.ts";
import { CANNOT_START, supervise, type WorkerStart } from "../../../../proxy/sidecar/supervise.ts";
import { manualClock } from "../../../fakes/clock.ts";

/** A supervisor whose workers end by the test's hand. */
function supervised(answers: () => boolean = () => true) {
  const clock = manualClock();
  const stop = new AbortController();
  const starts: WorkerStart[] = [];
  const signals: string[] = [];
  let end: (code: number) => void = () => {};
  const start = (how: WorkerStart) => {
    starts.push(how);
    const { promise, resolve } = Promise.withResolvers<number>();
    end = resolve;
    return {
      exited: promise,
      kill: (signal: string) => {
        signals.push(signal);
        if (signal === "SIGKILL") resolve(137);
      },
    };
  };
  const code = supervise({ start, answers: async () => answers(), clock, log: () => {}, stop: stop.signal });
  const settle = async (ms = 0): Promise<void> => {
    await clock.advance(ms);
    await Bun.sleep(0);
  };
  return { clock, stop, starts, signals, code, settle, end: (status: number) => end(status) };
}

describe("supervise()", () => {
  test("replaces a worker that was killed at once, and counts it", async () => {
    const { starts, end, settle } = supervised();
    end(137);
    await settle();
    expect(starts).toEqual([
      { restarts: 0, stopping: false },
      { restarts: 1, stopping: false },
    ]);
  });

  test("replaces one that ended with 0 unasked", async () => {
    const { starts, end, settle } = supervised();
    end(0);
    await settle();
    expect(starts).toHaveLength(2);
  });

  test("lets workers that fall over each other wait after some, and not after one that lived", async () => {
    const { starts, end, settle } = supervised();
    for (let ends = 1; ends <= WORKER_QUICK_ENDS_MAX; ends += 1) {
      end(139);
      await settle();
      expect(starts).toHaveLength(ends + 1);
    }
    for (let more = 1; more <= 8; more += 1) {
      const before = starts.length;
      end(139);
      await settle();
      expect(starts).toHaveLength(before);
      await settle(WORKER_RESTART_MS_MAX);
      expect(starts).toHaveLength(before + 1);
    }
    await settle(WORKER_STABLE_MS);
    const before = starts.length;
    end(139);
    await settle();
    expect(starts).toHaveLength(before + 1);
  });

  test("gives up where no worker can start", async () => {
    const { code, end } = supervised();
    end(CANNOT_START);
    expect(await code).toBe(CANNOT_START);
  });

  test("hands the wish to stop to the worker and ends with it", async () => {
    const { code, end, settle, signals, stop } = supervised();
    stop.abort();
    await settle();
    expect(signals).toEqual(["SIGTERM"]);
    end(0);
    expect(await code).toBe(0);
  });

  test("a worker that dies while stopping is replaced by one that knows", async () => {
    const { code, end, settle, starts, stop } = supervised();
    stop.abort();
    end(137);
    await settle();
    expect(starts.at(-1)).toEqual({ restarts: 1, stopping: true });
    end(0);
    expect(await code).toBe(0);
  });

  test("ends a worker that does not answer", async () => {
    const { settle, signals, starts } = supervised(() => false);
    for (let miss = 0; miss < WORKER_WATCH_MISSES_MAX; miss += 1) await settle(WORKER_WATCH_MS + WORKER_ANSWER_MS_MAX);
    await settle();
    expect(signals).toEqual(["SIGKILL"]);
    expect(starts).toHaveLength(2);
  });
});
