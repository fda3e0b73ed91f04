/**
 * Brings the lines of several logs into the order of their time. Each log has a lane with a bounded queue. The oldest
 * first line goes on as soon as every lane has one; a lane without is waited for only a short while, so that a quiet
 * service does not hold the others.
 */
import type { Clock } from "../../../core/host/clock.ts";
import { LOG_LANE_BYTES_MAX, LOG_OPEN_MS_MAX, LOG_ORDER_MS } from "../../../core/limits.ts";
import { compareTimes, type LogLine, type LogTime } from "./log-lines.ts";

export interface TimedLine extends LogLine {
  readonly time: LogTime;
}

export interface LogLane {
  /** Resolves when more may be put in. */
  readonly push: (lines: readonly TimedLine[]) => Promise<void>;
  /** The log answers: from now on silence means that there is nothing. */
  readonly opened: () => void;
  readonly end: () => void;
}

export interface LogMerge<T> {
  /** @param owner handed out with each line */
  readonly lane: (owner: T) => LogLane;
  /** No lanes will be added: the lines end with the last lane. */
  readonly close: () => void;
  /** Yields lines until all is said and `close` was called; rejects with the signal. */
  readonly lines: (signal: AbortSignal) => AsyncGenerator<Merged<T>, void, undefined>;
}

export interface Merged<T> {
  readonly owner: T;
  readonly line: TimedLine;
}

interface Batch {
  readonly lines: readonly TimedLine[];
  readonly arrived: number;
  next: number;
}

interface Lane<T> {
  readonly owner: T;
  batches: Batch[];
  /** Cost of the lines not handed out. */
  bytes: number;
  /** Since when its emptiness means something; in the future while it is being opened. */
  emptySince: number;
  ended: boolean;
  room: PromiseWithResolvers<void> | undefined;
}

type Next<T> =
  | { readonly kind: "line"; readonly merged: Merged<T> }
  /** `ms` undefined: until something changes. */
  | { readonly kind: "wait"; readonly ms: number | undefined }
  | { readonly kind: "end" };

/** @param patient waits for a lane without lines for ever: the logs are finished ones, order is all */
export function createLogMerge<T>(clock: Clock, { patient }: { readonly patient: boolean }): LogMerge<T> {
  const lanes = new Set<Lane<T>>();
  let closed = false;
  let changed = Promise.withResolvers<void>();
  const wake = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  return {
    lane: (owner) => {
      const emptySince = clock.now() + LOG_OPEN_MS_MAX - LOG_ORDER_MS;
      const lane: Lane<T> = { owner, batches: [], bytes: 0, emptySince, ended: false, room: undefined };
      lanes.add(lane);
      return laneHandle(lane, clock, wake);
    },
    close: () => {
      closed = true;
      wake();
    },
    lines: async function* (signal) {
      signal.addEventListener("abort", wake, { once: true });
      try {
        for (;;) {
          signal.throwIfAborted();
          const next = nextOf(lanes, { now: clock.now(), closed, patient });
          if (next.kind === "end") return;
          if (next.kind === "line") yield next.merged;
          else await somethingHappens(changed.promise, next.ms, clock);
        }
      } finally {
        signal.removeEventListener("abort", wake);
      }
    },
  };
}

function laneHandle<T>(lane: Lane<T>, clock: Clock, wake: () => void): LogLane {
  return {
    push: async (lines) => {
      if (lines.length === 0) return;
      lane.batches.push({ lines, arrived: clock.now(), next: 0 });
      for (const line of lines) lane.bytes += costOf(line);
      wake();
      if (lane.bytes < LOG_LANE_BYTES_MAX) return;
      lane.room ??= Promise.withResolvers();
      await lane.room.promise;
    },
    opened: () => {
      lane.emptySince = Math.min(lane.emptySince, clock.now());
      wake();
    },
    end: () => {
      lane.ended = true;
      wake();
    },
  };
}

/** What a line takes besides its text, roughly; empty lines count too. */
const LINE_COST_BYTES = 64;

function costOf({ text }: LogLine): number {
  return LINE_COST_BYTES + text.length;
}

interface Moment {
  readonly now: number;
  readonly closed: boolean;
  readonly patient: boolean;
}

function nextOf<T>(lanes: Set<Lane<T>>, { now, closed, patient }: Moment): Next<T> {
  let oldest: Lane<T> | undefined;
  let line: TimedLine | undefined;
  let silentSince = -Infinity;
  for (const lane of lanes) {
    const first = firstLine(lane);
    if (first === undefined) {
      if (lane.ended) lanes.delete(lane);
      else silentSince = patient ? Infinity : Math.max(silentSince, lane.emptySince);
    } else if (line === undefined || compareTimes(first.time, line.time) < 0) {
      oldest = lane;
      line = first;
    }
  }
  if (oldest === undefined || line === undefined)
    return closed && lanes.size === 0 ? { kind: "end" } : { kind: "wait", ms: undefined };
  if (silentSince > -Infinity) {
    const until = Math.max(silentSince, oldest.batches[0]?.arrived ?? now) + LOG_ORDER_MS;
    if (until > now) return { kind: "wait", ms: Number.isFinite(until) ? until - now : undefined };
  }
  takeFirst(oldest, line, now);
  return { kind: "line", merged: { owner: oldest.owner, line } };
}

function firstLine<T>(lane: Lane<T>): TimedLine | undefined {
  const [batch] = lane.batches;
  return batch?.lines[batch.next];
}

function takeFirst<T>(lane: Lane<T>, line: LogLine, now: number): void {
  const [batch] = lane.batches;
  if (batch === undefined) return;
  batch.next += 1;
  lane.bytes -= costOf(line);
  if (batch.next === batch.lines.length) lane.batches.shift();
  if (lane.batches.length === 0) lane.emptySince = now;
  if (lane.bytes >= LOG_LANE_BYTES_MAX) return;
  lane.room?.resolve();
  lane.room = undefined;
}

async function somethingHappens(change: Promise<void>, ms: number | undefined, clock: Clock): Promise<void> {
  if (ms === undefined) return change;
  const stop = new AbortController();
  const late = clock.sleep(ms, stop.signal).catch(() => {});
  await Promise.race([change, late]);
  stop.abort();
}
