/** A preference, never a demand: a pod that finds its image on the node starts sooner, but it may start anywhere. */
import { asArray, isObject } from "../core/parse.ts";

/** The largest weight that Kubernetes knows. */
const WEIGHT = 100;

/** `affinity` of the pod with a preference for the node of this name added; as it is without a node. */
export function preferNode(affinity: unknown, node: string | undefined): unknown {
  if (node === undefined || node === "") return affinity;
  const before = isObject(affinity) ? affinity : {};
  const ofNodes = isObject(before["nodeAffinity"]) ? before["nodeAffinity"] : {};
  const preferred = asArray(ofNodes["preferredDuringSchedulingIgnoredDuringExecution"]);
  // The field is the node's name itself; its label `kubernetes.io/hostname` may differ.
  const preference = { matchFields: [{ key: "metadata.name", operator: "In", values: [node] }] };
  return {
    ...before,
    nodeAffinity: {
      ...ofNodes,
      preferredDuringSchedulingIgnoredDuringExecution: [...preferred, { weight: WEIGHT, preference }],
    },
  };
}
