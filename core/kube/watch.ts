/** List and watch of a collection (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes). */
import { AzdsError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { RECONNECT_MS_MAX, RECONNECT_MS_MIN, WATCH_LINE_BYTES_MAX, WATCH_TIMEOUT_S } from "../limits.ts";
import { asNumber, asString, at, parseJson } from "../parse.ts";
import { readLines } from "../wire/lines.ts";
import type { Listed } from "./client.ts";
import { withQuery } from "./paths.ts";
import { statusError } from "./status.ts";
import { type KubeClient, KubeError, type WatchEvent } from "./types.ts";

export interface WatchPorts {
  readonly list: (path: string) => Promise<Listed>;
  readonly stream: KubeClient["stream"];
  readonly clock: Clock;
}

/** A watch that outlives its own time limit by this much is cut: the server does not answer any more. */
const OVERTIME_S = 30;

/**
 * Yields `reset`, the objects there are, `synced`, then changes; after a lost history again from `reset`. Ends when
 * `signal` is aborted. Interruptions are not seen outside.
 * @throws KubeError when the very first list or watch is refused for a reason that waiting does not mend (400–499)
 */
export async function* watchCollection(
  ports: WatchPorts,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent, void, undefined> {
  const position = new Position();
  let failures = 0;
  while (!signal.aborted) {
    const before = position.steps;
    try {
      if (position.version === undefined) yield* relist(ports, path, position);
      yield* follow(ports, { path, signal, position });
    } catch (error) {
      if (isHopeless(error, position)) throw error;
      if (isHistoryLost(error)) position.version = undefined;
    }
    failures = position.steps > before ? 0 : failures + 1;
    await pause(ports.clock, failures, signal);
  }
}

/** How far the consumer has been brought. */
class Position {
  /** Of the last event; `undefined` when the history is lost. */
  version: string | undefined;
  /** Counts whatever the server told, to see whether a connection was of any use. */
  steps = 0;
  /** Whether list and watch were granted once. */
  granted = false;

  advance(version: string): void {
    this.version = version;
    this.steps += 1;
  }
}

async function* relist(
  ports: WatchPorts,
  path: string,
  position: Position,
): AsyncGenerator<WatchEvent, void, undefined> {
  const { items, resourceVersion } = await ports.list(path);
  yield { type: "reset" };
  for (const object of items) yield { type: "added", object };
  yield { type: "synced" };
  position.advance(resourceVersion);
}

interface Following {
  readonly path: string;
  readonly signal: AbortSignal;
  readonly position: Position;
}

/** Yields changes until the server ends the watch. */
async function* follow(
  ports: WatchPorts,
  { path, signal, position }: Following,
): AsyncGenerator<WatchEvent, void, undefined> {
  const body = await ports.stream({
    method: "GET",
    path: withQuery(path, {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: position.version,
      timeoutSeconds: WATCH_TIMEOUT_S,
    }),
    signal: AbortSignal.any([signal, AbortSignal.timeout((WATCH_TIMEOUT_S + OVERTIME_S) * 1000)]),
  });
  position.granted = true;
  for await (const line of readLines(body, WATCH_LINE_BYTES_MAX)) {
    const message = parseJson(line, { code: "API_FAILED", path });
    const object = at(message, "object");
    const type = asString(at(message, "type"));
    if (type === "ERROR") throw statusError(asNumber(at(object, "code")) ?? 500, JSON.stringify(object));
    const event = eventOf(type, object);
    if (event !== undefined) yield event;
    position.advance(asString(at(object, "metadata", "resourceVersion")) ?? position.version ?? "");
  }
}

/** `undefined` for bookmarks, which only move the position. */
function eventOf(type: string | undefined, object: unknown): WatchEvent | undefined {
  if (type === "ADDED") return { type: "added", object };
  if (type === "MODIFIED") return { type: "modified", object };
  return type === "DELETED" ? { type: "deleted", object } : undefined;
}

/** Too old a version, or an answer that would come again in the same way. */
function isHistoryLost(error: unknown): boolean {
  return (
    (error instanceof KubeError && error.status === 410) ||
    (error instanceof AzdsError && error.code !== "CLUSTER_UNREACHABLE")
  );
}

function isHopeless(error: unknown, position: Position): boolean {
  if (!(error instanceof KubeError) || position.granted) return false;
  return error.status >= 400 && error.status < 500 && ![408, 410, 429].includes(error.status);
}

/** Doubles with each failure in a row; the random part keeps many clients from coming back at the same moment. */
async function pause(clock: Clock, failures: number, signal: AbortSignal): Promise<void> {
  const ms = Math.min(RECONNECT_MS_MIN * 2 ** failures, RECONNECT_MS_MAX) * (0.5 + Math.random() / 2);
  // An abort ends the loop of the caller.
  await clock.sleep(ms, signal).catch(() => {});
}
