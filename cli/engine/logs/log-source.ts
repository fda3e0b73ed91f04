/** The log of one container as lines, over cuts and restarts, each line once. */
import type { Clock } from "../../../core/host/clock.ts";
import { podPath, withQuery } from "../../../core/kube/paths.ts";
import { KubeError, type KubeClient } from "../../../core/kube/types.ts";
import { LOG_SILENCE_MS_MAX, RECONNECT_MS_MAX, RECONNECT_MS_MIN } from "../../../core/limits.ts";
import type { LogLane, TimedLine } from "./log-merge.ts";
import { compareTimes, createLogSplitter, type LogLine, type LogTime } from "./log-lines.ts";

export interface LogPlace {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

export interface LogReading {
  readonly follow: boolean;
  /** Of the run before the last restart. */
  readonly previous: boolean;
  readonly sinceSeconds: number | undefined;
  /** Lines at the end to start with. */
  readonly tail: number | undefined;
}

export interface LogSourceOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whether more may come: the pod is there and the container has not ended for good. */
  readonly isAlive: () => boolean;
  /** Told what the kubelet itself says in place of the log or between its lines. */
  readonly onNote: (text: string) => void;
}

/**
 * Fills the lane until the log ends: at once when it is not followed, else with the container's last run.
 * @throws KubeError when the log is refused: 403, and without following any status
 */
export async function readLog(
  place: LogPlace,
  reading: LogReading,
  { lane, ...options }: LogSourceOptions & { readonly lane: LogLane },
): Promise<void> {
  const shown = new Shown();
  let failures = 0;
  try {
    for (;;) {
      const before = shown.count;
      // The state is read first: a container that ended before the log did has said everything.
      const isAlive = options.isAlive();
      const isWhole = await readOnce(place, reading, { ...options, lane, shown }).catch((error: unknown) => {
        if (isFinal(error, reading)) throw error;
        return false;
      });
      if (!reading.follow || options.signal.aborted || (isWhole && !isAlive)) return;
      if (!options.isAlive() && failures > 0 && shown.count === before) return;
      failures = shown.count > before ? 0 : failures + 1;
      const ms = Math.min(RECONNECT_MS_MIN * 2 ** failures, RECONNECT_MS_MAX);
      await options.clock.sleep(ms, options.signal).catch(() => undefined);
    }
  } finally {
    lane.end();
  }
}

/** A pod that is gone and a container that has not started yet are not failures while following. */
function isFinal(error: unknown, { follow }: LogReading): boolean {
  return !follow || (error instanceof KubeError && error.status === 403);
}

/** True when the server ended the log, false when it was cut off for silence. */
async function readOnce(
  place: LogPlace,
  reading: LogReading,
  options: LogSourceOptions & { readonly lane: LogLane; readonly shown: Shown },
): Promise<boolean> {
  const { kube, clock, signal, lane, shown } = options;
  const stop = new AbortController();
  const body = await kube.stream({
    method: "GET",
    path: logPath(place, reading, shown.last),
    signal: AbortSignal.any([signal, stop.signal]),
  });
  lane.opened();
  const reader = body.getReader();
  const splitter = createLogSplitter();
  shown.rewind();
  try {
    for (;;) {
      const portion = reading.follow ? await orSilence(reader.read(), clock) : await reader.read();
      if (portion === undefined) return false;
      const lines = portion.done ? splitter.end() : splitter.push(portion.value);
      await lane.push(newLines(lines, shown, options.onNote));
      if (portion.done) return true;
    }
  } finally {
    stop.abort();
    reader.releaseLock();
  }
}

function newLines(lines: readonly LogLine[], shown: Shown, onNote: (text: string) => void): readonly TimedLine[] {
  return lines.flatMap(({ time, text }) => {
    if (time !== undefined) return shown.isNew(time) ? [{ time, text }] : [];
    onNote(text);
    return [];
  });
}

async function orSilence<T>(reading: Promise<T>, clock: Clock): Promise<T | undefined> {
  const stop = new AbortController();
  const silence = clock.sleep(LOG_SILENCE_MS_MAX, stop.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([reading, silence]);
  } finally {
    stop.abort();
    // What was asked for and not waited for fails with the end of the connection.
    reading.catch(() => undefined);
  }
}

/** `sinceTime` has whole seconds on its way to the kubelet; what was shown of that second is left out here. */
function logPath(place: LogPlace, reading: LogReading, last: LogTime | undefined): string {
  const again = last !== undefined;
  return withQuery(`${podPath(place.namespace, place.pod)}/log`, {
    container: place.container,
    timestamps: true,
    follow: reading.follow ? true : undefined,
    previous: reading.previous ? true : undefined,
    sinceTime: again ? new Date(last.seconds * 1000).toISOString() : undefined,
    sinceSeconds: again ? undefined : reading.sinceSeconds,
    tailLines: again ? undefined : reading.tail,
  });
}

/** What was shown so far: everything before a time, and so many lines (or pieces of one) of that very time. */
class Shown {
  count = 0;
  #last: LogTime | undefined;
  #ofLast = 0;
  #toSkip = 0;

  /** The newest line; `undefined` before the first. */
  get last(): LogTime | undefined {
    return this.#last;
  }

  /** The log is read again from the second of `last`. */
  rewind(): void {
    this.#toSkip = this.#ofLast;
  }

  isNew(time: LogTime): boolean {
    const order = this.#last === undefined ? 1 : compareTimes(time, this.#last);
    if (this.#toSkip > 0 && order <= 0) {
      if (order === 0) this.#toSkip -= 1;
      return false;
    }
    // The first line beyond ends the repetition; a clock that was set back afterwards hides nothing.
    this.#toSkip = 0;
    this.#ofLast = order === 0 ? this.#ofLast + 1 : 1;
    this.#last = time;
    this.count += 1;
    return true;
  }
}
