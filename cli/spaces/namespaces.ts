/** Namespaces through the API, as far as spaces need them. */
import { PARENT_LABEL, SPACE_LABEL } from "../../core/contract.ts";
import { namespacePath } from "../../core/kube/paths.ts";
import type { KubeClient } from "../../core/kube/types.ts";
import { readTree, type SpaceTree } from "./tree.ts";

/** Needs the right to list namespaces. */
export async function listTree(kube: KubeClient, signal: AbortSignal): Promise<SpaceTree> {
  return readTree(await kube.list(namespacePath(), signal));
}

/** One request with all labels, so that the namespace is never there without being a space. */
export async function createSpace(kube: KubeClient, space: NewSpace, signal: AbortSignal): Promise<void> {
  const metadata = { name: space.name, labels: labelsOf(space.parent) };
  await kube.request({
    method: "POST",
    path: namespacePath(),
    body: { apiVersion: "v1", kind: "Namespace", metadata },
    signal,
  });
}

export interface NewSpace {
  readonly name: string;
  readonly parent: string | undefined;
}

/** Makes an existing namespace a space. */
export async function labelSpace(kube: KubeClient, space: NewSpace, signal: AbortSignal): Promise<void> {
  await patchLabels(kube, { name: space.name, labels: labelsOf(space.parent), signal });
}

/** Makes a space an ordinary namespace, whoever set its labels. */
export async function unlabelSpace(kube: KubeClient, name: string, signal: AbortSignal): Promise<void> {
  await patchLabels(kube, { name, labels: { [SPACE_LABEL]: null, [PARENT_LABEL]: null }, signal });
}

interface LabelPatch {
  readonly name: string;
  /** `null` removes a label (RFC 7386). */
  readonly labels: Readonly<Record<string, string | null>>;
  readonly signal: AbortSignal;
}

async function patchLabels(kube: KubeClient, { name, labels, signal }: LabelPatch): Promise<void> {
  const contentType = "application/merge-patch+json";
  await kube.request({
    method: "PATCH",
    path: namespacePath(name),
    body: { metadata: { labels } },
    contentType,
    signal,
  });
}

function labelsOf(parent: string | undefined): Readonly<Record<string, string>> {
  return { [SPACE_LABEL]: "true", ...(parent === undefined ? {} : { [PARENT_LABEL]: parent }) };
}
