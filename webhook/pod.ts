/** Reading and rebuilding pods (core/v1). Pods stay plain JSON: whatever we do not know must come out as it went in. */
import { asArray, asString, asStringRecord, at, isObject, type JsonObject } from "../core/parse.ts";

export type Pod = JsonObject;
export type Container = JsonObject;

export function containersOf(pod: Pod): readonly Container[] {
  return asArray(at(pod, "spec", "containers")).filter(isObject);
}

export function initContainersOf(pod: Pod): readonly Container[] {
  return asArray(at(pod, "spec", "initContainers")).filter(isObject);
}

export function nameOf(thing: JsonObject): string {
  return asString(thing["name"]) ?? "";
}

export function annotationsOf(pod: Pod): Readonly<Record<string, string>> {
  return asStringRecord(at(pod, "metadata", "annotations"));
}

/** An init container that keeps running beside the pod's containers (Kubernetes' "sidecar containers"). */
export function isNativeSidecar(initContainer: Container): boolean {
  return initContainer["restartPolicy"] === "Always";
}

/** The pod with these annotations added or replaced. */
export function annotated(pod: Pod, annotations: Readonly<Record<string, string>>): Pod {
  return withMetadata(pod, "annotations", annotations);
}

/** The pod with these labels added or replaced. */
export function labelled(pod: Pod, labels: Readonly<Record<string, string>>): Pod {
  return withMetadata(pod, "labels", labels);
}

function withMetadata(pod: Pod, field: "annotations" | "labels", entries: Readonly<Record<string, string>>): Pod {
  const metadata = isObject(pod["metadata"]) ? pod["metadata"] : {};
  const before = isObject(metadata[field]) ? metadata[field] : {};
  return { ...pod, metadata: { ...metadata, [field]: { ...before, ...entries } } };
}
