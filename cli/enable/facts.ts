/** Asks the cluster for what the preflight judges. */
import { CONFIGZ_MS_MAX } from "../../core/limits.ts";
import { asString, at } from "../../core/parse.ts";
import { RESTRICTED_CONTAINER, RESTRICTED_POD } from "../../templates/control-plane/object.ts";
import { BUILDKIT_IMAGE_DEFAULT } from "../../templates/control-plane/settings.ts";
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
  const [version, missingRights, meshes, alwaysPulls] = await Promise.all([
    cluster.reviews.version(signal),
    findMissingRights(cluster, objects, signal),
    findMeshes(cluster, signal),
    pullsAlways(cluster, signal),
  ]);
  const mayListNodes = !missingRights.some(({ resource }) => resource === "nodes");
  const nodes = mayListNodes ? await findNodes(cluster, signal) : [];
  return { version, missingRights, meshes, alwaysPulls, nodes };
}

/**
 * Whether admission makes each pod pull its images anew, whatever its policy says (the plugin AlwaysPullImages, or a
 * policy that does the same): told by a pod that is never made. False where even that is refused.
 */
export async function pullsAlways({ kube }: Pick<Cluster, "kube">, signal: AbortSignal): Promise<boolean> {
  const container = { name: "preflight", image: BUILDKIT_IMAGE_DEFAULT, imagePullPolicy: "Never" };
  const body = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "azds-preflight" },
    spec: { securityContext: RESTRICTED_POD, containers: [{ ...container, securityContext: RESTRICTED_CONTAINER }] },
  };
  const path = "/api/v1/namespaces/default/pods?dryRun=All";
  const answer = await kube.request({ method: "POST", path, body, signal }).catch(() => undefined);
  return at(answer, "spec", "containers", 0, "imagePullPolicy") === "Always";
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
