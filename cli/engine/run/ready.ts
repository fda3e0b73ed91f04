/** Waits until the pods of a build run, and says why they do not as soon as the cluster knows. */
import { AzdsError } from "../../../core/errors.ts";
import type { Clock } from "../../../core/host/clock.ts";
import type { KubeClient } from "../../../core/kube/types.ts";
import { POD_READY_MS_MAX, UNSCHEDULABLE_MS_MAX } from "../../../core/limits.ts";
import type { SessionTag } from "../../../core/session.ts";
import { carries } from "../build/builds.ts";
import { showCrashLines } from "./crash-lines.ts";
import { type Cause, causeOf, causeOfEvent } from "../pods/diagnose.ts";
import type { Emit } from "../events.ts";
import { newestBuild, type PodView } from "../pods/pod-view.ts";
import type { PodWatch } from "../pods/pod-watch.ts";
import { haveComeUp } from "./startup.ts";

export interface ReadyOptions {
  readonly kube: KubeClient;
  readonly tag: SessionTag;
  readonly emit: Emit;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Emits each new cause once, for as long as the watch lasts: of the newest pods of the session, from the build `since`
 * on. What an earlier command left behind is about to be replaced.
 */
export function tellCauses(
  watch: PodWatch,
  { since, emit }: { readonly since: SessionTag; readonly emit: Emit },
): void {
  const told = new Set<string>();
  const tell = (pod: string, cause: Cause): void => {
    const key = `${pod} ${cause.reason} ${cause.text}`;
    if (told.has(key)) return;
    told.add(key);
    emit({ type: "cause", pod, reason: cause.reason, text: cause.text });
  };
  const newestPods = (): readonly PodView[] => {
    const newest = Math.max(since.build, ...watch.pods().map((pod) => newestBuild(pod, since.session)));
    return watch.pods().filter((pod) => !pod.deleting && newestBuild(pod, since.session) === newest);
  };
  watch.subscribe({
    onPods: () => {
      for (const pod of newestPods()) {
        const cause = causeOf(pod);
        if (cause !== undefined) tell(pod.name, cause);
      }
    },
    onEvent: (event) => {
      const cause = causeOfEvent(event);
      const ours = event.kind !== "Pod" || newestPods().some((pod) => pod.name === event.name);
      if (cause !== undefined && ours) tell(event.name, cause);
    },
  });
}

/**
 * Resolves with the pods once all of the tag have come up or completed.
 * @throws AzdsError POD_CRASHED, POD_NOT_STARTED, POD_NOT_INJECTED with the cause; the last lines of what crashed are emitted before
 */
export async function podsReady(watch: PodWatch, options: ReadyOptions): Promise<readonly PodView[]> {
  const limit = AbortSignal.timeout(POD_READY_MS_MAX);
  const crashes = showCrashLines(watch, options);
  try {
    for (;;) {
      const { pods, cause } = await nextVerdict(watch, options, limit);
      if (cause === undefined && (await haveComeUp(pods, watch, options))) return pods;
      if (cause === undefined || (cause.reason === "Unschedulable" && (await areScheduled(pods, watch, options))))
        continue;
      await crashes.settled();
      throw new AzdsError(cause.code, `Pod \`${pods[0]?.name ?? ""}\`: ${cause.text}`);
    }
  } finally {
    crashes.stop();
  }
}

interface Verdict {
  /** All of the tag; with a cause only the one that cannot go on. */
  readonly pods: readonly PodView[];
  readonly cause: Cause | undefined;
}

async function nextVerdict(watch: PodWatch, { tag, signal }: ReadyOptions, limit: AbortSignal): Promise<Verdict> {
  try {
    return await watch.until(
      (pods) => readyOrStuck(pods.filter((pod) => carries(pod, tag) && !pod.deleting)),
      AbortSignal.any([signal, limit]),
    );
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error;
    throw new AzdsError(
      "POD_NOT_STARTED",
      `The pods of the service were not ready after ${POD_READY_MS_MAX / 1000} s: ${stateOf(watch, tag)}`,
    );
  }
}

function readyOrStuck(pods: readonly PodView[]): Verdict | undefined {
  for (const pod of pods) {
    const cause = causeOf(pod);
    if (cause?.final === true || cause?.reason === "Unschedulable") return { pods: [pod], cause };
  }
  return pods.length > 0 && pods.every((pod) => pod.ready || pod.phase === "Succeeded")
    ? { pods, cause: undefined }
    : undefined;
}

/** An autoscaler may bring a node; the cause is on the screen already. False after UNSCHEDULABLE_MS_MAX. */
async function areScheduled(pods: readonly PodView[], watch: PodWatch, options: ReadyOptions): Promise<boolean> {
  const grace = AbortSignal.timeout(UNSCHEDULABLE_MS_MAX);
  const scheduled = await watch
    .until(
      (now) =>
        pods.every((pod) => now.find(({ uid }) => uid === pod.uid)?.unschedulable === undefined) ? true : undefined,
      AbortSignal.any([options.signal, grace]),
    )
    .catch(() => false);
  options.signal.throwIfAborted();
  return scheduled;
}

function stateOf(watch: PodWatch, tag: SessionTag): string {
  const waiting = watch.pods().filter((pod) => carries(pod, tag) && !pod.ready);
  const words = waiting.map((pod) => {
    const busy = pod.containers
      .filter((container) => !container.ready && container.state.kind !== "terminated")
      .map((container) => container.name);
    return `pod \`${pod.name}\` is ${pod.phase}, not ready: ${busy.join(", ")}`;
  });
  return words.join("; ") || "no pod is there any more";
}
