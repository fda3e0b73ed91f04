/** Keeps one worker running: its end is answered by the next, until the sidecar is asked to stop. */
import type { Clock } from "../../core/host/clock.ts";
import type { Log } from "../../core/host/log.ts";
import {
  WORKER_QUICK_ENDS_MAX,
  WORKER_RESTART_MS_MAX,
  WORKER_RESTART_MS_MIN,
  WORKER_STABLE_MS,
  WORKER_WATCH_MISSES_MAX,
  WORKER_WATCH_MS,
} from "../../core/limits.ts";

/** Exit code of a worker that another one of the same configuration could not do better than. */
export const CANNOT_START = 1;

export interface Worker {
  /** Resolves with the exit code, 128 and more for a signal. */
  readonly exited: Promise<number>;
  readonly kill: (signal: "SIGTERM" | "SIGKILL") => void;
}

export interface WorkerStart {
  /** Workers before it. */
  readonly restarts: number;
  /** The sidecar has been asked to stop already. */
  readonly stopping: boolean;
}

export interface SupervisorPorts {
  readonly start: (start: WorkerStart) => Worker;
  /** Whether the worker answers; settles within a few seconds. */
  readonly answers: () => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the sidecar is asked to stop. */
  readonly stop: AbortSignal;
}

/** Resolves with the sidecar's exit code: 0 when it was asked to stop, CANNOT_START when no worker can. */
export async function supervise(ports: SupervisorPorts): Promise<number> {
  const { clock, log, stop } = ports;
  let quickEnds = 0;
  for (let restarts = 0; ; restarts += 1) {
    const begin = clock.now();
    const code = await runWorker(ports, { restarts, stopping: stop.aborted });
    if (code === CANNOT_START || (code === 0 && stop.aborted)) return code;
    const lived = clock.now() - begin;
    quickEnds = lived >= WORKER_STABLE_MS ? 0 : quickEnds + 1;
    const wait = waitAfter(quickEnds);
    log("error", "The worker ended; another takes its place", { code, livedMs: lived, waitMs: wait });
    if (wait > 0) await clock.sleep(wait);
  }
}

/** Milliseconds. Workers that fall over each other make room for the rest of the node. */
function waitAfter(quickEnds: number): number {
  const excess = quickEnds - WORKER_QUICK_ENDS_MAX;
  return excess <= 0 ? 0 : Math.min(WORKER_RESTART_MS_MIN * 2 ** (excess - 1), WORKER_RESTART_MS_MAX);
}

async function runWorker(ports: SupervisorPorts, start: WorkerStart): Promise<number> {
  const worker = ports.start(start);
  const ended = new AbortController();
  const terminate = (): void => worker.kill("SIGTERM");
  ports.stop.addEventListener("abort", terminate, { once: true });
  void watch(ports, worker, ended.signal);
  try {
    return await worker.exited;
  } finally {
    ended.abort();
    ports.stop.removeEventListener("abort", terminate);
  }
}

/** A worker that runs in circles ends by nobody's hand but ours; until then its connections wait in the kernel. */
async function watch({ answers, clock, log }: SupervisorPorts, worker: Worker, ended: AbortSignal): Promise<void> {
  let misses = 0;
  while (!isAborted(ended)) {
    await clock.sleep(WORKER_WATCH_MS, ended).catch(() => undefined);
    if (isAborted(ended)) return;
    misses = (await answers()) ? 0 : misses + 1;
    if (misses < WORKER_WATCH_MISSES_MAX || isAborted(ended)) continue;
    log("error", "The worker does not answer; it is ended");
    worker.kill("SIGKILL");
    return;
  }
}

/** A function, because the signal changes while we wait and TypeScript assumes it does not. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
