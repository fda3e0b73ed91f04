/** Services and pods of some spaces, as far as the user may read them, with what people want to know of each. */
import { collectionPath } from "../../core/kube/paths.ts";
import { KubeError } from "../../core/kube/types.ts";
import { asArray, asString, asStringRecord, at } from "../../core/parse.ts";
import { type Session, sessionOfLease } from "../../core/session.ts";
import { SESSION_LABEL } from "../../core/contract.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { causeOf } from "../engine/pods/diagnose.ts";
import { lostEdits } from "../engine/pods/pod-edits.ts";
import { podView, type PodView } from "../engine/pods/pod-view.ts";

interface RunningPod extends PodView {
  /** Milliseconds since the epoch. */
  readonly created: number;
}

export interface RunningService {
  readonly name: string;
  readonly namespace: string;
  /** Of the newest pod behind it, or of the Service itself; milliseconds since the epoch. */
  readonly updated: number;
  /** `Running`, why it does not (`CrashLoopBackOff`), or `Stopped` without a pod. */
  readonly status: string;
  /** The API object's ports. */
  readonly ports: readonly unknown[];
  /** Who develops it; absent when it was not started by `azds up`. */
  readonly session: Session | undefined;
  /** Edits in place that its pods do not have any more. */
  readonly lostEdits: number;
}

export interface Running {
  readonly services: readonly RunningService[];
  readonly pods: readonly RunningPod[];
}

/** Spaces that the user may not read are left out. */
export async function readRunning(cluster: Cluster, spaces: readonly string[], signal: AbortSignal): Promise<Running> {
  const each = await Promise.all(spaces.map(async (space) => readSpace(cluster, space, signal)));
  return { services: each.flatMap(({ services }) => services), pods: each.flatMap(({ pods }) => pods) };
}

/** `Running`, or Kubernetes' reason, or the phase. */
export function podStatus(pod: PodView): string {
  if (pod.ready) return "Running";
  return causeOf(pod)?.reason ?? (pod.phase === "Running" ? "Starting" : pod.phase);
}

async function readSpace({ kube }: Cluster, space: string, signal: AbortSignal): Promise<Running> {
  try {
    const sessions = `${collectionPath({ apiVersion: "coordination.k8s.io/v1", kind: "Lease" }, space)}?labelSelector=${SESSION_LABEL}`;
    const [services, pods, leases] = await Promise.all([
      kube.list(collectionPath({ apiVersion: "v1", kind: "Service" }, space), signal),
      kube.list(collectionPath({ apiVersion: "v1", kind: "Pod" }, space), signal),
      kube.list(sessions, signal),
    ]);
    const running = pods.map(runningPod).filter((pod) => !pod.deleting);
    const held = leases.flatMap((lease) => sessionOfLease(lease) ?? []);
    return { services: services.flatMap((service) => runningService(service, running, held) ?? []), pods: running };
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return { services: [], pods: [] };
    throw error;
  }
}

function runningPod(pod: unknown): RunningPod {
  return { ...podView(pod), created: createdAt(pod) };
}

/** Services without a selector lead out of the cluster or to it, as `default/kubernetes` does. */
function runningService(
  service: unknown,
  pods: readonly RunningPod[],
  sessions: readonly Session[],
): RunningService | undefined {
  const selector = Object.entries(asStringRecord(at(service, "spec", "selector")));
  if (selector.length === 0) return undefined;
  const name = asString(at(service, "metadata", "name")) ?? "";
  const behind = pods.filter((pod) => selector.every(([key, value]) => pod.labels[key] === value));
  const [newest] = behind.toSorted((a, b) => b.created - a.created);
  const ready = behind.find((pod) => pod.ready);
  const shown = ready ?? newest;
  const session = sessions.find(({ id }) => behind.some((pod) => pod.labels[SESSION_LABEL] === id));
  return {
    name,
    namespace: asString(at(service, "metadata", "namespace")) ?? "",
    updated: newest?.created ?? createdAt(service),
    status: shown === undefined ? "Stopped" : podStatus(shown),
    ports: asArray(at(service, "spec", "ports")),
    session,
    lostEdits: session === undefined ? 0 : lostEdits(session.id, session.edits, behind),
  };
}

function createdAt(object: unknown): number {
  return Date.parse(asString(at(object, "metadata", "creationTimestamp")) ?? "") || 0;
}
