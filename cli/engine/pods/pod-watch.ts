/** The pods of one session and the events of its space, kept up to date; the steps of `up` wait on it. */
import { aborted } from "../../../core/host/aborted.ts";
import type { KubeClient, WatchEvent } from "../../../core/kube/types.ts";
import { asString, at } from "../../../core/parse.ts";
import { type EventView, eventView } from "./diagnose.ts";
import { type PodView, podView, tagsOf } from "./pod-view.ts";

export interface PodWatch {
  /** Pods of the session, oldest name first; empty before the first answer. */
  readonly pods: () => readonly PodView[];
  /** Resolves when the first list is complete. */
  readonly synced: (signal: AbortSignal) => Promise<void>;
  /** Resolves with the first defined answer of `look`, asked now and after each change; rejects with the signal. */
  readonly until: <T>(look: (pods: readonly PodView[]) => T | undefined, signal: AbortSignal) => Promise<T>;
  /** Called after each change and with each event of the space that came after the start. */
  readonly subscribe: (listener: PodListener) => () => void;
}

export interface PodListener {
  readonly onPods?: (pods: readonly PodView[]) => void;
  readonly onEvent?: (event: EventView) => void;
}

export interface PodWatchOptions {
  readonly space: string;
  readonly session: string;
  /** Ends the watches. */
  readonly signal: AbortSignal;
  /** A watch that cannot go on (for example: the right was taken away). */
  readonly onError: (error: unknown) => void;
}

export function watchPods(kube: KubeClient, options: PodWatchOptions): PodWatch {
  const byUid = new Map<string, PodView>();
  const listeners = new Set<PodListener>();
  const listed = Promise.withResolvers<void>();
  const pods = (): readonly PodView[] => [...byUid.values()].toSorted((a, b) => a.name.localeCompare(b.name));
  const tellPods = (): void => {
    const current = pods();
    for (const listener of listeners) listener.onPods?.(current);
  };
  const follow = async (path: string, onChange: (event: WatchEvent) => void): Promise<void> => {
    for await (const event of kube.watch(path, options.signal)) onChange(event);
  };
  const stopped = (error: unknown): void => {
    if (!options.signal.aborted) options.onError(error);
  };
  const base = `/api/v1/namespaces/${options.space}`;
  const onSynced = (): void => {
    listed.resolve();
    tellPods();
  };
  follow(`${base}/pods`, podChange(byUid, options.session, { tell: tellPods, onSynced })).catch(stopped);
  follow(
    `${base}/events`,
    eventChange((event) => listeners.forEach((listener) => listener.onEvent?.(event))),
  ).catch(stopped);
  return {
    pods,
    synced: async (signal) => Promise.race([listed.promise, aborted(signal)]),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    until: async (look, signal) => waitUntil(listeners, { pods, look, signal }),
  };
}

/** Between `reset` and `synced` the list is complete: pods that were not in it are gone. */
function podChange(
  byUid: Map<string, PodView>,
  session: string,
  to: { readonly tell: () => void; readonly onSynced: () => void },
): (event: WatchEvent) => void {
  let listed: Set<string> | undefined;
  return (event) => {
    if (event.type === "reset") {
      listed = new Set();
      return;
    }
    if (event.type === "synced") {
      for (const uid of byUid.keys()) if (listed?.has(uid) === false) byUid.delete(uid);
      listed = undefined;
      to.onSynced();
      return;
    }
    const pod = podView(event.object);
    if (tagsOf(pod, session).length === 0) return;
    listed?.add(pod.uid);
    if (event.type === "deleted") byUid.delete(pod.uid);
    else byUid.set(pod.uid, pod);
    if (listed === undefined) to.tell();
  };
}

/** Events that were there before are history and not told. */
function eventChange(tell: (event: EventView) => void): (event: WatchEvent) => void {
  const known = new Set<string>();
  let listing = true;
  let first = true;
  return (event) => {
    if (event.type === "reset") listing = true;
    else if (event.type === "synced") {
      listing = false;
      first = false;
    } else if (event.type !== "deleted") {
      const uid = asString(at(event.object, "metadata", "uid")) ?? "";
      const old = known.has(uid) || (listing && first);
      known.add(uid);
      if (!old) tell(eventView(event.object));
    }
  };
}

interface Wait<T> {
  readonly pods: () => readonly PodView[];
  readonly look: (pods: readonly PodView[]) => T | undefined;
  readonly signal: AbortSignal;
}

async function waitUntil<T>(listeners: Set<PodListener>, wait: Wait<T>): Promise<T> {
  wait.signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const settle = (action: () => void): void => {
      listeners.delete(listener);
      wait.signal.removeEventListener("abort", onAbort);
      action();
    };
    const onAbort = (): void =>
      settle(() => reject(wait.signal.reason instanceof Error ? wait.signal.reason : new Error("Aborted")));
    const onPods = (pods: readonly PodView[]): void => {
      try {
        const answer = wait.look(pods);
        if (answer !== undefined) settle(() => resolve(answer));
      } catch (error) {
        settle(() => reject(error instanceof Error ? error : new Error(String(error))));
      }
    };
    const listener: PodListener = { onPods };
    listeners.add(listener);
    wait.signal.addEventListener("abort", onAbort, { once: true });
    onPods(wait.pods());
  });
}
