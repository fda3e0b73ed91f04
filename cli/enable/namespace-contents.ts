/** What a person would miss when a namespace goes. */
import { collectionPath, type ObjectKind } from "../../core/kube/paths.ts";
import { asString, at } from "../../core/parse.ts";
import type { Cluster } from "../cluster/cluster.ts";

/** Objects that others make (pods of deployments, endpoints of services) are left out. */
const KINDS: readonly ObjectKind[] = [
  { apiVersion: "apps/v1", kind: "Deployment" },
  { apiVersion: "apps/v1", kind: "StatefulSet" },
  { apiVersion: "apps/v1", kind: "DaemonSet" },
  { apiVersion: "batch/v1", kind: "CronJob" },
  { apiVersion: "batch/v1", kind: "Job" },
  { apiVersion: "networking.k8s.io/v1", kind: "Ingress" },
  { apiVersion: "v1", kind: "Pod" },
  { apiVersion: "v1", kind: "Service" },
  { apiVersion: "v1", kind: "PersistentVolumeClaim" },
  { apiVersion: "v1", kind: "ConfigMap" },
  { apiVersion: "v1", kind: "Secret" },
];

/** Made by Kubernetes in every namespace. */
const EVERYWHERE = "configmap/kube-root-ca.crt";

/** For example `deployment/web`, `secret/token`; in the order above, then by name. */
export async function namespaceContents(
  cluster: Cluster,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found = await Promise.all(
    KINDS.map(async (type) => {
      const objects = await cluster.kube.list(collectionPath(type, namespace), signal);
      const word = type.kind.toLowerCase();
      return objects.flatMap((object) => (isMadeByOthers(object) ? [] : [`${word}/${nameOf(object)}`])).toSorted();
    }),
  );
  return found.flat().filter((name) => name !== EVERYWHERE);
}

function isMadeByOthers(object: unknown): boolean {
  return at(object, "metadata", "ownerReferences", 0) !== undefined;
}

function nameOf(object: unknown): string {
  return asString(at(object, "metadata", "name")) ?? "";
}
