/** The part of a Pod that `up` watches, read once from the API object. Pure. */
import { CONTAINER, INSTRUMENTED_LABEL, WARNING_ANNOTATION } from "../../../core/contract.ts";
import { asArray, asNumber, asString, asStringRecord, at } from "../../../core/parse.ts";
import { type SessionTag, sessionOfImage } from "../../../core/session.ts";

export type ContainerState =
  | { readonly kind: "waiting"; readonly reason: string; readonly message: string }
  | { readonly kind: "running" }
  | { readonly kind: "terminated"; readonly reason: string; readonly exitCode: number; readonly message: string };

export interface ContainerView {
  readonly name: string;
  readonly image: string;
  readonly init: boolean;
  readonly ready: boolean;
  readonly restarts: number;
  readonly state: ContainerState;
  /** Exit code of the run before this one. */
  readonly lastExitCode: number | undefined;
  /** The build of a session whose image this is. */
  readonly tag: SessionTag | undefined;
  /** Named ports, for Services that refer to them. */
  readonly ports: Readonly<Record<string, number>>;
  /** Has a readiness probe. */
  readonly probed: boolean;
}

export interface PodView {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  /** Empty until scheduled. */
  readonly node: string;
  readonly phase: string;
  readonly deleting: boolean;
  readonly ready: boolean;
  readonly instrumented: boolean;
  /** What injection could not bring about, in words; empty where all is well. */
  readonly warning: string;
  /** Somebody makes another when it is deleted. */
  readonly owned: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly containers: readonly ContainerView[];
  /** Why the scheduler found no node. */
  readonly unschedulable: string | undefined;
}

export function podView(pod: unknown): PodView {
  const conditions = asArray(at(pod, "status", "conditions"));
  const condition = (type: string): unknown => conditions.find((entry) => at(entry, "type") === type);
  const scheduled = condition("PodScheduled");
  return {
    name: asString(at(pod, "metadata", "name")) ?? "",
    uid: asString(at(pod, "metadata", "uid")) ?? "",
    namespace: asString(at(pod, "metadata", "namespace")) ?? "",
    node: asString(at(pod, "spec", "nodeName")) ?? "",
    phase: asString(at(pod, "status", "phase")) ?? "Pending",
    deleting: at(pod, "metadata", "deletionTimestamp") !== undefined,
    ready: at(condition("Ready"), "status") === "True",
    owned: asArray(at(pod, "metadata", "ownerReferences")).some((owner) => at(owner, "controller") === true),
    instrumented: at(pod, "metadata", "labels", INSTRUMENTED_LABEL) === "true",
    warning: asString(at(pod, "metadata", "annotations", WARNING_ANNOTATION)) ?? "",
    labels: asStringRecord(at(pod, "metadata", "labels")),
    containers: [
      ...containersOf(pod, "initContainers", "initContainerStatuses"),
      ...containersOf(pod, "containers", "containerStatuses"),
    ],
    unschedulable:
      at(scheduled, "reason") === "Unschedulable" ? (asString(at(scheduled, "message")) ?? "No node fits") : undefined,
  };
}

/** Builds of `session` that the pod carries; several containers may carry the same. */
export function tagsOf(pod: PodView, session: string): readonly SessionTag[] {
  return pod.containers.flatMap((container) => (container.tag?.session === session ? [container.tag] : []));
}

/** 0: none of the session. */
export function newestBuild(pod: PodView, session: string): number {
  return Math.max(0, ...tagsOf(pod, session).map((tag) => tag.build));
}

export function containerNamed(pod: PodView, name: string): ContainerView | undefined {
  return pod.containers.find((container) => container.name === name);
}

/** `<repository>` of each image of the session in the pod, as the chart wrote it. @param imagePrefix of all built images */
export function repositoriesOf(pod: PodView, session: string, imagePrefix: string): readonly string[] {
  const own = pod.containers.filter((container) => container.tag?.session === session);
  const prefix = homeOf(pod, imagePrefix);
  return [
    ...new Set(
      own.map((container) =>
        (container.image.startsWith(prefix) ? container.image.slice(prefix.length) : container.image).replace(
          /:[^:/]*$/,
          "",
        ),
      ),
    ),
  ];
}

/** False for a pod from before the place of built images was changed. */
export function isAtHome(pod: PodView, session: string, imagePrefix: string): boolean {
  return pod.containers.some(
    ({ tag, image }) => tag?.session === session && image.startsWith(homeOf(pod, imagePrefix)),
  );
}

function homeOf({ namespace }: PodView, imagePrefix: string): string {
  return `${imagePrefix}/${namespace}/`;
}

/** The init container that waits for a build is running: its tunnel can be reached. */
export function waitsForBuild(pod: PodView): boolean {
  return !pod.deleting && containerNamed(pod, CONTAINER.build)?.state.kind === "running";
}

/** The pod's sidecar runs and can be asked. */
export function hasSidecar(pod: PodView): boolean {
  return containerNamed(pod, CONTAINER.proxy)?.state.kind === "running";
}

/** A running pod of a session: its sidecar holds a tunnel to the node's builder. */
export function offersTunnel(pod: PodView): boolean {
  return !pod.deleting && pod.phase === "Running" && hasSidecar(pod);
}

function containersOf(pod: unknown, specs: string, statuses: string): readonly ContainerView[] {
  const known = asArray(at(pod, "status", statuses));
  return asArray(at(pod, "spec", specs)).map((spec) => {
    const name = asString(at(spec, "name")) ?? "";
    const image = asString(at(spec, "image")) ?? "";
    const status = known.find((entry) => at(entry, "name") === name);
    return {
      name,
      image,
      init: specs === "initContainers",
      ready: at(status, "ready") === true,
      restarts: asNumber(at(status, "restartCount")) ?? 0,
      state: stateOf(at(status, "state")),
      lastExitCode: asNumber(at(status, "lastState", "terminated", "exitCode")),
      tag: sessionOfImage(image),
      ports: portsOf(spec),
      probed: at(spec, "readinessProbe") !== undefined,
    };
  });
}

function portsOf(container: unknown): Readonly<Record<string, number>> {
  const entries = asArray(at(container, "ports")).map(
    (port) => [asString(at(port, "name")) ?? "", asNumber(at(port, "containerPort")) ?? 0] as const,
  );
  return Object.fromEntries(entries.filter(([name, port]) => name !== "" && port > 0));
}

function stateOf(state: unknown): ContainerState {
  if (at(state, "running") !== undefined) return { kind: "running" };
  const terminated = at(state, "terminated");
  if (terminated !== undefined) {
    return {
      kind: "terminated",
      reason: asString(at(terminated, "reason")) ?? "",
      exitCode: asNumber(at(terminated, "exitCode")) ?? 0,
      message: asString(at(terminated, "message")) ?? "",
    };
  }
  return {
    kind: "waiting",
    reason: asString(at(state, "waiting", "reason")) ?? "",
    message: asString(at(state, "waiting", "message")) ?? "",
  };
}
