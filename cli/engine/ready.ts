/** Waits until the pods of a build run, and says why they do not as soon as the cluster knows. */
import { AzdsError } from "../../core/errors.ts";
import type { Clock } from "../../core/host/clock.ts";
import type { KubeClient } from "../../core/kube/types.ts";
import { CRASH_LOG_LINES_MAX, POD_APPEARS_MS_MAX, POD_READY_MS_MAX, UNSCHEDULABLE_MS_MAX } from "../../core/limits.ts";
import type { SessionTag } from "../../core/session.ts";
import { carries } from "./builds.ts";
import { type Cause, causeOf, causeOfEvent } from "./diagnose.ts";
import type { Emit } from "./events.ts";
import type { PodView } from "./pod-view.ts";
import type { PodWatch } from "./pod-watch.ts";
import { haveComeUp } from "./startup.ts";

export interface ReadyOptions {
  readonly kube: KubeClient;
  readonly tag: SessionTag;
  readonly emit: Emit;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Emits each new cause once, for as long as the signal lasts. */
export function tellCauses(watch: PodWatch, options: Pick<ReadyOptions, "tag" | "emit">): () => void {
  const told = new Set<string>();
  const tell = (pod: string, cause: Cause): void => {
    const key = `${pod} ${cause.reason} ${cause.text}`;
    if (told.has(key)) return;
    told.add(key);
    options.emit({ type: "cause", pod, reason: cause.reason, text: cause.text });
  };
  return watch.subscribe({
    onPods: (pods) => {
      for (const pod of pods) {
        const cause = carries(pod, options.tag) && !pod.deleting ? causeOf(pod) : undefined;
        if (cause !== undefined) tell(pod.name, cause);
      }
    },
    onEvent: (event) => {
      const cause = causeOfEvent(event);
      const ours = event.kind !== "Pod" || watch.pods().some((pod) => pod.name === event.name);
      if (cause !== undefined && ours) tell(event.name, cause);
    },
  });
}

/** A pod of the tag is there. @throws AzdsError POD_NOT_STARTED when none appears within POD_APPEARS_MS_MAX */
export async function podsAppeared(watch: PodWatch, options: ReadyOptions): Promise<void> {
  const limit = AbortSignal.timeout(POD_APPEARS_MS_MAX);
  await watch
    .until(
      (pods) => (pods.some((pod) => carries(pod, options.tag)) ? true : undefined),
      AbortSignal.any([options.signal, limit]),
    )
    .catch((error: unknown) => {
      if (!limit.aborted || options.signal.aborted) throw error;
      throw new AzdsError(
        "POD_NOT_STARTED",
        `No pod of the release uses the image tag of this session after ${POD_APPEARS_MS_MAX / 1000} s; the chart must use the value that azds.yaml sets to \`$(tag)\``,
      );
    });
}

/**
 * Resolves with the pods once all of the tag are ready or have completed.
 * @throws AzdsError POD_CRASHED, POD_NOT_STARTED, POD_NOT_INJECTED with the cause; the container's last lines are emitted before
 */
export async function podsReady(watch: PodWatch, options: ReadyOptions): Promise<readonly PodView[]> {
  const limit = AbortSignal.timeout(POD_READY_MS_MAX);
  const verdict = await watch
    .until(
      (pods) => readyOrStuck(pods.filter((pod) => carries(pod, options.tag) && !pod.deleting)),
      AbortSignal.any([options.signal, limit]),
    )
    .catch((error: unknown) => {
      if (!limit.aborted || options.signal.aborted) throw error;
      throw new AzdsError(
        "POD_NOT_STARTED",
        `The pods of the service were not ready after ${POD_READY_MS_MAX / 1000} s: ${stateOf(watch, options.tag)}`,
      );
    });
  if (verdict.cause !== undefined) return fail(verdict.pods, { cause: verdict.cause, watch, options });
  return (await haveComeUp(verdict.pods, watch, options)) ? verdict.pods : podsReady(watch, options);
}

interface Verdict {
  readonly pods: readonly PodView[];
  readonly cause: Cause | undefined;
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

interface Failure {
  readonly cause: Cause;
  readonly watch: PodWatch;
  readonly options: ReadyOptions;
}

async function fail(pods: readonly PodView[], failure: Failure): Promise<readonly PodView[]> {
  const { cause, options } = failure;
  const pod = pods[0];
  if (cause.reason === "Unschedulable") {
    const grace = AbortSignal.timeout(UNSCHEDULABLE_MS_MAX);
    // An autoscaler may bring a node; the cause is on the screen already.
    const scheduled = await failure.watch
      .until(
        (now) => (now.some((other) => other.uid === pod?.uid && other.unschedulable === undefined) ? true : undefined),
        AbortSignal.any([options.signal, grace]),
      )
      .catch(() => false);
    options.signal.throwIfAborted();
    if (scheduled) return podsReady(failure.watch, options);
  }
  if (pod !== undefined && cause.code === "POD_CRASHED") await showLastLines(pod, failure);
  throw new AzdsError(cause.code, `Pod \`${pod?.name ?? ""}\`: ${cause.text}`);
}

/** The output that ended with the crash: of the run before when the container is being restarted. */
async function showLastLines(pod: PodView, failure: Failure): Promise<void> {
  const { cause, options } = failure;
  const container = cause.container ?? "";
  const base = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/log?container=${container}&tailLines=${CRASH_LOG_LINES_MAX}`;
  for (const path of [`${base}&previous=true`, base]) {
    const text = await options.kube
      .stream({ method: "GET", path, signal: options.signal })
      .then(async (body) => new Response(body).text())
      .catch(() => "");
    if (text === "") continue;
    for (const line of text.trimEnd().split("\n"))
      options.emit({ type: "log", pod: pod.name, container, stream: "stderr", text: line });
    return;
  }
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
