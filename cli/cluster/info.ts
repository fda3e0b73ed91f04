/** What azds says of itself to every user of a cluster: the ConfigMap COMPONENT.info. */
import { COMPONENT, IMAGE_PREFIX, LOCAL_HOST_SUFFIX, SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { objectPath } from "../../core/kube/paths.ts";
import { asString, at } from "../../core/parse.ts";
import type { Cluster } from "./cluster.ts";

export interface ClusterInfo {
  readonly version: string;
  /** With its leading dot. */
  readonly hostSuffix: string;
  /** `public`, `private` or `none`: how services are reached from outside. */
  readonly endpoint: string;
  /** The gateway has a certificate for the suffix: URLs begin with `https`. */
  readonly tls: boolean;
  /** The gateway lets `azds-route-as` of clients pass. */
  readonly trustExternalHeader: boolean;
  /** Of all built images: that of the registry, or of the nodes' own stores. */
  readonly imagePrefix: string;
  /** Names of Secrets in our namespace for builders and for pods; empty: none. */
  readonly registrySecret: string;
  readonly registryPullSecret: string;
  readonly buildkitWorker: string;
}

/** @throws AzdsError NOT_ENABLED */
export async function readInfo(cluster: Cluster, signal: AbortSignal): Promise<ClusterInfo> {
  const kind = { apiVersion: "v1", kind: "ConfigMap" };
  const info = await cluster.kube.find(objectPath(kind, SYSTEM_NAMESPACE, COMPONENT.info), signal);
  if (info === undefined) throw new AzdsError("NOT_ENABLED", `azds is not enabled in cluster \`${cluster.context}\``);
  const text = (key: string): string | undefined => asString(at(info, "data", key));
  return {
    version: text("version") ?? "",
    hostSuffix: text("hostSuffix") ?? LOCAL_HOST_SUFFIX,
    endpoint: text("endpoint") ?? "none",
    tls: (text("tlsSecret") ?? "") !== "",
    trustExternalHeader: text("trustExternalHeader") === "true",
    imagePrefix: text("registry") || IMAGE_PREFIX,
    registrySecret: text("registrySecret") ?? "",
    registryPullSecret: text("registryPullSecret") ?? "",
    buildkitWorker: text("buildkitWorker") ?? "containerd",
  };
}
