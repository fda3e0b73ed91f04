/** What a name of a service means in a space: which pods are its own, and which of their containers counts. */
import { CONTAINER, SESSION_LABEL } from "../../../core/contract.ts";
import { AzdsError } from "../../../core/errors.ts";
import { collectionPath, objectPath, podsPath, withQuery } from "../../../core/kube/paths.ts";
import type { KubeClient } from "../../../core/kube/types.ts";
import { asString, asStringRecord, at } from "../../../core/parse.ts";
import { sessionOfLease } from "../../../core/session.ts";
import { causeOf } from "./diagnose.ts";
import { type ContainerView, podView, type PodView, tagsOf } from "./pod-view.ts";

/** A pod with what only choosing needs. */
export interface WorkloadPod extends PodView {
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** What its author names as the one that counts. */
  readonly defaultContainer: string | undefined;
}

export interface Workload {
  readonly name: string;
  readonly space: string;
  /** Sessions that `azds up` runs under this name; none for a plain workload. */
  readonly sessions: readonly string[];
  /** Whether a pod of the space is one of its own. */
  readonly owns: (pod: PodView) => boolean;
}

const DEFAULT_CONTAINER_ANNOTATION = "kubectl.kubernetes.io/default-container";
const SERVICE = { apiVersion: "v1", kind: "Service" } as const;
const CONTROLLERS = ["Deployment", "StatefulSet", "DaemonSet"].map((kind) => ({ apiVersion: "apps/v1", kind }));

export function workloadPod(pod: unknown): WorkloadPod {
  return {
    ...podView(pod),
    created: Date.parse(asString(at(pod, "metadata", "creationTimestamp")) ?? "") || 0,
    defaultContainer: asString(at(pod, "metadata", "annotations", DEFAULT_CONTAINER_ANNOTATION)),
  };
}

export async function listPods(kube: KubeClient, space: string, signal: AbortSignal): Promise<readonly WorkloadPod[]> {
  return (await kube.list(podsPath(space), signal)).map(workloadPod);
}

/**
 * The service `name` of the space: the session under that name and the pods behind the Service, else those of a
 * workload, else a single pod.
 * @throws AzdsError SERVICE_NOT_FOUND
 */
export async function findWorkload(
  kube: KubeClient,
  { space, name }: { readonly space: string; readonly name: string },
  signal: AbortSignal,
): Promise<Workload> {
  const leases = withQuery(collectionPath({ apiVersion: "coordination.k8s.io/v1", kind: "Lease" }, space), {
    labelSelector: SESSION_LABEL,
  });
  const [sessions, service] = await Promise.all([
    kube.list(leases, signal),
    kube.find(objectPath(SERVICE, space, name), signal),
  ]);
  const own = sessions.flatMap((lease) => sessionOfLease(lease) ?? []).filter((session) => session.service === name);
  const ids = own.map(({ id }) => id);
  const selector = selectorOf(at(service, "spec", "selector"));
  if (ids.length > 0 || selector !== undefined) {
    const owns = (pod: PodView): boolean => ids.some((id) => isOf(pod, id)) || selector?.(pod) === true;
    return { name, space, sessions: ids, owns };
  }
  return plainWorkload(kube, { space, name }, signal);
}

async function plainWorkload(
  kube: KubeClient,
  { space, name }: { readonly space: string; readonly name: string },
  signal: AbortSignal,
): Promise<Workload> {
  const paths = CONTROLLERS.map((type) => objectPath(type, space, name));
  const found = await Promise.all(paths.map(async (path) => kube.find(path, signal)));
  const [owns] = found.flatMap((object) => selectorOf(at(object, "spec", "selector", "matchLabels")) ?? []);
  if (owns !== undefined) return { name, space, sessions: [], owns };
  const pod = await kube.find(objectPath({ apiVersion: "v1", kind: "Pod" }, space, name), signal);
  if (pod === undefined) throw new AzdsError("SERVICE_NOT_FOUND", `Dev space \`${space}\` has no service \`${name}\``);
  return { name, space, sessions: [], owns: (other) => other.name === name };
}

/** Services of a space by what they select; those without a selector own nothing. */
export async function listWorkloads(
  kube: KubeClient,
  space: string,
  signal: AbortSignal,
): Promise<readonly Workload[]> {
  const services = await kube.list(collectionPath(SERVICE, space), signal);
  return services.flatMap((service) => {
    const owns = selectorOf(at(service, "spec", "selector"));
    const name = asString(at(service, "metadata", "name")) ?? "";
    return owns === undefined ? [] : [{ name, space, sessions: [], owns }];
  });
}

/** Containers that azds put into the pod. */
export function isOurs(container: string): boolean {
  return Object.values<string>(CONTAINER).includes(container);
}

/** The containers that run the application, in the order of the pod. */
export function applicationContainers(pod: PodView): readonly ContainerView[] {
  return pod.containers.filter(({ init, name }) => !init && !isOurs(name));
}

/** The session's own, else the one that the pod's author names, else the first. */
function mainContainer(pod: WorkloadPod): ContainerView | undefined {
  const candidates = applicationContainers(pod);
  return (
    candidates.find(({ tag }) => tag !== undefined) ??
    candidates.find(({ name }) => name === pod.defaultContainer) ??
    candidates[0]
  );
}

/**
 * Where a command for the workload runs: the newest ready pod, else the newest whose container runs at all, for that is
 * where one looks why it is not ready.
 * @throws AzdsError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING
 */
export function commandPlace(
  workload: Workload,
  pods: readonly WorkloadPod[],
  wanted: string | undefined,
): { readonly pod: string; readonly container: string } {
  const { name, space } = workload;
  const own = pods.filter((pod) => workload.owns(pod) && !pod.deleting).toSorted(byUse);
  const [first] = own;
  if (first === undefined)
    throw new AzdsError("CONTAINER_NOT_RUNNING", `Service \`${name}\` has no pod in dev space \`${space}\``);
  const places = own.flatMap((pod) => {
    const container =
      wanted === undefined ? mainContainer(pod) : pod.containers.find((candidate) => candidate.name === wanted);
    return container === undefined ? [] : [{ pod, container }];
  });
  const place = places.find(({ container }) => container.state.kind === "running");
  if (place !== undefined) return { pod: place.pod.name, container: place.container.name };
  const [stopped] = places;
  if (stopped !== undefined)
    throw new AzdsError("CONTAINER_NOT_RUNNING", whyNotRunning(stopped.pod, stopped.container));
  const names = first.containers.map((container) => `\`${container.name}\``).join(", ");
  throw new AzdsError(
    "CONTAINER_NOT_FOUND",
    `Pod \`${first.name}\` has no container \`${wanted ?? "of an application"}\`, only ${names}`,
  );
}

function whyNotRunning(pod: PodView, { name, state }: ContainerView): string {
  const where = `Container \`${name}\` of pod \`${pod.name}\` does not run`;
  const cause = causeOf(pod);
  if (cause !== undefined) return `${where}: ${cause.reason}: ${cause.text}`;
  if (state.kind === "terminated") return `${where}: it ended with exit code ${state.exitCode}`;
  const reason = state.kind === "waiting" && state.reason !== "" ? state.reason : pod.phase;
  return `${where}: ${reason}`;
}

function byUse(a: WorkloadPod, b: WorkloadPod): number {
  return Number(b.ready) - Number(a.ready) || b.created - a.created || a.name.localeCompare(b.name);
}

function isOf(pod: PodView, session: string): boolean {
  return pod.labels[SESSION_LABEL] === session || tagsOf(pod, session).length > 0;
}

/** `undefined` for a selector that is missing or empty: it means nothing here. */
function selectorOf(labels: unknown): ((pod: PodView) => boolean) | undefined {
  const wanted = Object.entries(asStringRecord(labels));
  if (wanted.length === 0) return undefined;
  return (pod) => wanted.every(([key, value]) => pod.labels[key] === value);
}
