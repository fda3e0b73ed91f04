import type { RedirectForm } from "../../core/sidecar-config.ts";

/** What differs between clusters. */
export interface ControlPlaneSettings {
  /** Reference of our image. */
  readonly image: string;
  readonly imagePullPolicy: "IfNotPresent" | "Always" | "Never";
  /** Reference of BuildKit's own image. */
  readonly buildkitImage: string;
  /** Version of azds. */
  readonly version: string;
  /** Suffix of URLs, with its leading dot. */
  readonly hostSuffix: string;
  /** The cluster's DNS domain. */
  readonly clusterDomain: string;
  readonly endpoint: Endpoint;
  /** Who writes the redirect of a pod where both are permitted. */
  readonly redirect: RedirectForm;
  /** Secret (kubernetes.io/tls) in our namespace with the gateway's default certificate; empty: none. */
  readonly tlsSecret: string;
  /** Requests from outside keep their route header. */
  readonly trustExternalHeader: boolean;
  /** Folder and socket of containerd on the nodes. */
  readonly containerd: { readonly root: string; readonly socket: string };
  /** Where built images go; absent: into the nodes' own stores. */
  readonly registry?: RegistrySettings;
  readonly buildkitWorker: BuildkitWorker;
  /** False on Kubernetes 1.29, which does not serve ValidatingAdmissionPolicy (admissionregistration.k8s.io/v1). */
  readonly admissionPolicies: boolean;
}

export interface RegistrySettings {
  /** `HOST[:PORT][/PATH]`, before the namespace of each image. */
  readonly prefix: string;
  /** Secret (kubernetes.io/dockerconfigjson) in our namespace with which builders push; empty: none. */
  readonly secret: string;
  /** The same for pods of spaces, which get a copy that developers can read; empty: none. */
  readonly pullSecret: string;
  /** Plain HTTP, or a certificate that nobody vouches for. */
  readonly insecure: boolean;
}

/**
 * Where BuildKit unpacks and keeps what it works with (docs.docker.com, "buildkitd.toml"): the node's containerd, so that
 * the node has what was built, or a store of its own (`oci`), which needs nothing of the node's runtime, and a registry.
 * `docker` is the BuildKit inside the node's Docker, which keeps what was built in Docker's store.
 */
export type BuildkitWorker = "containerd" | "oci" | "docker";

/** How services are reached from outside: through a gateway with a public or private address, or by port-forward only. */
export type Endpoint = "public" | "private" | "none";

export const CONTAINERD_DEFAULTS: ControlPlaneSettings["containerd"] = {
  root: "/var/lib/containerd",
  socket: "/run/containerd/containerd.sock",
};

export const BUILDKIT_IMAGE_DEFAULT = "docker.io/moby/buildkit:v0.25.2";
export const CLUSTER_DOMAIN_DEFAULT = "cluster.local";

/** Data of the ConfigMap `azds-info`: what later runs keep to, and what users may know. */
export function infoOf(settings: ControlPlaneSettings): Readonly<Record<string, string>> {
  const { version, image, buildkitImage, hostSuffix, clusterDomain, endpoint, redirect, containerd } = settings;
  const { tlsSecret, trustExternalHeader, registry, buildkitWorker } = settings;
  return {
    version,
    image,
    buildkitImage,
    hostSuffix,
    clusterDomain,
    endpoint,
    redirect,
    tlsSecret,
    trustExternalHeader: String(trustExternalHeader),
    containerdRoot: containerd.root,
    containerdSocket: containerd.socket,
    registry: registry?.prefix ?? "",
    registrySecret: registry?.secret ?? "",
    registryPullSecret: registry?.pullSecret ?? "",
    registryInsecure: String(registry?.insecure ?? false),
    buildkitWorker,
  };
}
