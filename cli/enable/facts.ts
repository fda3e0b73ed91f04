/** Asks the cluster for what the preflight judges. */
import { CONFIGZ_MS_MAX } from "../../core/limits.ts";
import { asString, at } from "../../core/parse.ts";
import type { KubeObject } from "../../templates/control-plane/object.ts";
import type { Cluster, Right } from "../cluster/cluster.ts";
import { readConfigz, readNode, type NodeFacts } from "./nodes.ts";
import type { ClusterFacts } from "./preflight.ts";
import { rightsToEnable } from "./rights.ts";

/** Namespace of each mesh's control plane. */
const MESHES: Readonly<Record<string, string>> = { "istio-system": "Istio", linkerd: "Linkerd" };

/** @param objects what is to be applied */
export async function gatherFacts(
  cluster: Cluster,
  objects: readonly KubeObject[],
  signal: AbortSignal,
): Promise<ClusterFacts> {
  const [version, missingRights, meshes] = await Promise.all([
    cluster.reviews.version(signal),
    findMissingRights(cluster, objects, signal),
    findMeshes(cluster, signal),
  ]);
  const mayListNodes = !missingRights.some(({ resource }) => resource === "nodes");
  return { version, missingRights, meshes, nodes: mayListNodes ? await findNodes(cluster, signal) : [] };
}

async function findMissingRights(
  cluster: Cluster,
  objects: readonly KubeObject[],
  signal: AbortSignal,
): Promise<readonly Right[]> {
  const answers = await Promise.all(
    rightsToEnable(objects).map(async (right) => ((await cluster.reviews.allowed(right, signal)) ? [] : [right])),
  );
  return answers.flat();
}

async function findMeshes(cluster: Cluster, signal: AbortSignal): Promise<readonly string[]> {
  const found = await Promise.all(
    Object.entries(MESHES).map(async ([namespace, mesh]) =>
      (await exists(cluster, `/api/v1/namespaces/${namespace}`, signal)) ? [mesh] : [],
    ),
  );
  return found.flat();
}

/** A namespace that may not be read counts as absent: the check of rights says so already. */
async function exists(cluster: Cluster, path: string, signal: AbortSignal): Promise<boolean> {
  return (await cluster.kube.find(path, signal).catch(() => undefined)) !== undefined;
}

async function findNodes(cluster: Cluster, signal: AbortSignal): Promise<readonly NodeFacts[]> {
  const nodes = await cluster.kube.list("/api/v1/nodes", signal);
  return Promise.all(nodes.map(async (node) => readNode(node, readConfigz(await findConfigz(cluster, node, signal)))));
}

/** The kubelet's own configuration; needs `get nodes/proxy` and a kubelet that answers, so it may stay unknown. */
async function findConfigz(cluster: Cluster, node: unknown, signal: AbortSignal): Promise<unknown> {
  const name = asString(at(node, "metadata", "name")) ?? "";
  const path = `/api/v1/nodes/${name}/proxy/configz`;
  return cluster.kube.request({ method: "GET", path, signal, timeoutMs: CONFIGZ_MS_MAX }).catch(() => undefined);
}
