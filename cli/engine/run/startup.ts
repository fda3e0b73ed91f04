/**
 * Whether an application has come up where Kubernetes cannot tell: without a readiness probe it calls a container ready
 * the moment it runs, also one that is about to end with an error.
 */
import type { Clock } from "../../../core/host/clock.ts";
import { openPortForward, type PortForwardTarget } from "../../../core/kube/port-forward.ts";
import type { KubeClient } from "../../../core/kube/types.ts";
import { LISTEN_QUIET_MS, LISTEN_RETRY_MS, STARTUP_MS_MAX } from "../../../core/limits.ts";
import type { PodView } from "../pods/pod-view.ts";
import type { PodWatch } from "../pods/pod-watch.ts";

export interface StartupOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Waits until every container of ours without a probe listens at a named port, at most STARTUP_MS_MAX: an application
 * may be slow, or open no port at all. False as soon as one of the pods is no longer ready.
 */
export async function haveComeUp(pods: readonly PodView[], watch: PodWatch, options: StartupOptions): Promise<boolean> {
  const waits = pods.flatMap((pod) => portsInQuestion(pod).map((ports) => ({ pod, ports })));
  if (waits.length === 0) return true;
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const listening = waits.map(async ({ pod, ports }) => {
    const targets = ports.map((port) => ({ namespace: pod.namespace, pod: pod.name, port, signal }));
    return untilListening(targets, { ...options, signal });
  });
  const fallen = watch.until((now) => (pods.every((pod) => isStillUp(pod, now)) ? undefined : true), signal);
  try {
    const late = options.clock.sleep(STARTUP_MS_MAX, signal).then(() => true);
    return await Promise.race([Promise.all(listening).then(() => true), fallen.then(() => false), late]);
  } finally {
    over.abort();
    await Promise.allSettled([...listening, fallen]);
  }
}

/** One entry for each container of a session that nothing probes: its named ports. */
function portsInQuestion(pod: PodView): readonly (readonly number[])[] {
  const own = pod.containers.filter((container) => container.tag !== undefined && !container.init && !container.probed);
  return pod.phase === "Succeeded" ? [] : own.map((container) => Object.values(container.ports));
}

function isStillUp(pod: PodView, now: readonly PodView[]): boolean {
  return now.some((other) => other.uid === pod.uid && (other.ready || other.phase === "Succeeded"));
}

/** Resolves when one of the ports accepts; rejects with the signal. */
async function untilListening(targets: readonly PortForwardTarget[], options: StartupOptions): Promise<void> {
  for (;;) {
    const answers = await Promise.all(targets.map(async (target) => accepts(target, options)));
    if (answers.includes(true)) return;
    await options.clock.sleep(LISTEN_RETRY_MS, options.signal);
  }
}

/** The kubelet tells a refused dial at once; a server waits for the first words, or says them. */
async function accepts(target: PortForwardTarget, { kube, clock, signal }: StartupOptions): Promise<boolean> {
  try {
    const stream = await openPortForward(kube.connection, target);
    try {
      const said = stream.read().then((bytes) => bytes !== undefined);
      return await Promise.race([said, clock.sleep(LISTEN_QUIET_MS, signal).then(() => true)]);
    } finally {
      stream.abort();
    }
  } catch {
    return false;
  }
}
