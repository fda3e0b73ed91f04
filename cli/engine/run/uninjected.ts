/**
 * Pods of the session that were admitted while no webhook answered (its failure policy lets them pass): nobody can build
 * their image, so they are deleted, and whoever owns them makes others.
 */
import { AzdsError } from "../../../core/errors.ts";
import type { Clock } from "../../../core/host/clock.ts";
import { KubeError, type KubeClient } from "../../../core/kube/types.ts";
import { REMAKE_CALM_MS, REMAKE_MS_MIN, REMAKES_MAX } from "../../../core/limits.ts";
import { causeOf } from "../pods/diagnose.ts";
import type { Emit } from "../events.ts";
import type { PodView } from "../pods/pod-view.ts";
import type { PodWatch } from "../pods/pod-watch.ts";

export interface RemakeOptions {
  readonly kube: KubeClient;
  readonly watch: PodWatch;
  readonly emit: Emit;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Works until the signal; each time in a row waits twice as long as the one before.
 * @throws AzdsError POD_NOT_INJECTED after REMAKES_MAX pods, none of them REMAKE_CALM_MS after the one before
 */
export async function remakeUninjected(options: RemakeOptions): Promise<void> {
  const { watch, emit, clock, signal } = options;
  const remade = new Set<string>();
  let last = -Infinity;
  for (let inRow = 0; !signal.aborted; inRow += 1) {
    const pod = await watch.until((pods) => pods.find((one) => isUninjected(one) && !remade.has(one.uid)), signal);
    if (clock.now() - last > REMAKE_CALM_MS) inRow = 0;
    last = clock.now();
    const cause = causeOf(pod)?.text ?? "";
    if (inRow === REMAKES_MAX) throw new AzdsError("POD_NOT_INJECTED", cause);
    remade.add(pod.uid);
    emit({ type: "message", level: "warning", text: `${cause}: making it anew` });
    await clock.sleep(REMAKE_MS_MIN * 2 ** inRow, signal);
    await removePod(options, pod);
  }
}

function isUninjected(pod: PodView): boolean {
  return !pod.deleting && pod.owned && causeOf(pod)?.code === "POD_NOT_INJECTED";
}

/** One that could not be deleted, for whatever reason, is looked at again with its next change. */
async function removePod({ kube, emit, signal }: RemakeOptions, pod: PodView): Promise<void> {
  try {
    await kube.request({
      method: "DELETE",
      path: `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}`,
      body: { preconditions: { uid: pod.uid } },
      signal,
    });
  } catch (error) {
    if (signal.aborted || (error instanceof KubeError && error.status === 404)) return;
    emit({ type: "message", level: "warning", text: `Pod \`${pod.name}\` could not be deleted: ${String(error)}` });
  }
}
