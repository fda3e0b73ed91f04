/** Pods of a space that were made before it was one, and how to make them anew; pure. */
import { INJECTED_ANNOTATION, NO_PROXY_LABEL, SKIPPED_ANNOTATION } from "../../core/contract.ts";
import { asArray, asString, at } from "../../core/parse.ts";

/** A workload whose template can be touched so that its pods are made anew. */
export interface Workload {
  readonly kind: "Deployment" | "StatefulSet" | "DaemonSet";
  readonly namespace: string;
  readonly name: string;
}

export interface Uninstrumented {
  readonly pods: readonly string[];
  /** Those that make the pods again after a restart. */
  readonly workloads: readonly Workload[];
}

/** Pods that run without a sidecar and without a reason for it. */
export function isUninstrumented(pod: unknown): boolean {
  const note = (key: string): unknown => at(pod, "metadata", "annotations", key);
  const phase = at(pod, "status", "phase");
  return (
    note(INJECTED_ANNOTATION) === undefined &&
    note(SKIPPED_ANNOTATION) === undefined &&
    at(pod, "metadata", "labels", NO_PROXY_LABEL) !== "true" &&
    at(pod, "metadata", "deletionTimestamp") === undefined &&
    at(pod, "spec", "hostNetwork") !== true &&
    phase !== "Succeeded" &&
    phase !== "Failed"
  );
}

/** @param replicaSets of the same namespace: they stand between a Deployment and its pods */
export function findUninstrumented(pods: readonly unknown[], replicaSets: readonly unknown[]): Uninstrumented {
  const bare = pods.filter(isUninstrumented);
  const workloads = new Map(
    bare
      .flatMap((pod) => workloadOf(pod, replicaSets) ?? [])
      .map((workload) => [`${workload.kind}/${workload.name}`, workload]),
  );
  return { pods: bare.map(nameOf).toSorted(), workloads: [...workloads.values()] };
}

function workloadOf(pod: unknown, replicaSets: readonly unknown[]): Workload | undefined {
  const namespace = asString(at(pod, "metadata", "namespace")) ?? "";
  const owner = ownerOf(pod);
  switch (owner.kind) {
    case "StatefulSet":
    case "DaemonSet":
      return { kind: owner.kind, namespace, name: owner.name };
    case "ReplicaSet": {
      const deployment = ownerOf(replicaSets.find((candidate) => nameOf(candidate) === owner.name));
      return deployment.kind === "Deployment" ? { kind: "Deployment", namespace, name: deployment.name } : undefined;
    }
    default:
      return undefined;
  }
}

function ownerOf(object: unknown): { readonly kind: string; readonly name: string } {
  const owner = asArray(at(object, "metadata", "ownerReferences")).find(
    (reference) => at(reference, "controller") === true,
  );
  return { kind: asString(at(owner, "kind")) ?? "", name: asString(at(owner, "name")) ?? "" };
}

function nameOf(object: unknown): string {
  return asString(at(object, "metadata", "name")) ?? "";
}
