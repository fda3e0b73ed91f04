import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { componentKubeconfig } from "./control-plane.ts";
import { DOCKERSHIM_SOCKET, dockerOf, dockershimOf, runtimeOf, type Runtime, writeDockerConfig } from "./docker.ts";
import { DNS_SERVICE_ADDRESS, POD_NETWORK, type ClusterLayout, type NodeLayout } from "./layout.ts";
import type { Component } from "./node-processes.ts";

/** The image every pod's namespaces are held by. */
export const PAUSE_IMAGE = "registry.k8s.io/pause:3.10";

const CONTAINERD_SOCKET = "/run/containerd/containerd.sock";

/** What runs on every node. */
export type NodeAgents = {
  /** What holds containers, in the order in which it starts. */
  readonly runtime: readonly Component[];
  readonly kubelet: Component;
  readonly kubeProxy: Component;
};

export function nodeAgents(cluster: ClusterLayout, node: NodeLayout, kube: string): NodeAgents {
  const file = (name: string): string => join(node.dir, name);
  const kubeletFlags = [
    `--config=${file("kubelet.yaml")}`,
    `--kubeconfig=${componentKubeconfig(cluster, node.name)}`,
    `--hostname-override=${node.name}`,
    `--node-ip=${node.address}`,
  ];
  return {
    runtime: runtimeOf(node) === "docker" ? [dockerOf(node), dockershimOf(node, PAUSE_IMAGE)] : [containerdOf(node)],
    kubelet: { name: "kubelet", argv: [kube, "kubelet", ...kubeletFlags] },
    kubeProxy: { name: "kube-proxy", argv: [kube, "kube-proxy", `--config=${file("kube-proxy.yaml")}`] },
  };
}

export function containerdOf(node: NodeLayout): Component {
  return { name: "containerd", argv: ["containerd", "--config", join(node.dir, "containerd.toml")] };
}

/** Writes the agents' configuration files into the node's folder, which decides the runtime that it has. */
export function writeAgentConfigs(
  cluster: ClusterLayout,
  node: NodeLayout,
  runtime: Runtime = { name: "containerd" },
): void {
  mkdirSync(join(node.dir, "cni"), { recursive: true });
  const write = (name: string, text: string): void => writeFileSync(join(node.dir, name), text);
  write("containerd.toml", containerdConfig(node));
  if (runtime.name === "docker") writeDockerConfig(node, runtime.dockershim);
  write("cni/10-pods.conflist", JSON.stringify(cniConfig(node), null, 2));
  write("resolv.conf", "");
  write("kubelet.yaml", stringify(kubeletConfig(cluster, node)));
  write("kube-proxy.yaml", stringify(kubeProxyConfig(cluster, node)));
}

/**
 * One folder for each registry that containerd shall speak to in its own way, with a file `hosts.toml`; read at each pull
 * (containerd, docs/hosts.md).
 */
export function registriesFolder(node: NodeLayout): string {
  return join(node.dir, "registries");
}

/** restrict_oom_score_adj: lowering the score needs CAP_SYS_RESOURCE, which root does not have everywhere. */
function containerdConfig(node: NodeLayout): string {
  return `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "${PAUSE_IMAGE}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${join(node.dir, "cni")}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${registriesFolder(node)}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
`;
}

function cniConfig(node: NodeLayout): object {
  const ipam = { type: "host-local", ranges: [[{ subnet: node.podNetwork }]], routes: [{ dst: "0.0.0.0/0" }] };
  return {
    // The newest that dockershim knows.
    cniVersion: "0.4.0",
    name: "pods",
    plugins: [
      { type: "bridge", bridge: "cni0", isGateway: true, hairpinMode: true, ipam },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
}

function kubeletConfig(cluster: ClusterLayout, node: NodeLayout): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(cluster.pkiDir, "ca.crt") },
    },
    authorization: { mode: "Webhook" },
    tlsCertFile: join(cluster.pkiDir, `${node.name}.crt`),
    tlsPrivateKeyFile: join(cluster.pkiDir, `${node.name}.key`),
    clusterDomain: "cluster.local",
    clusterDNS: [DNS_SERVICE_ADDRESS],
    resolvConf: join(node.dir, "resolv.conf"),
    containerRuntimeEndpoint: `unix://${runtimeOf(node) === "docker" ? DOCKERSHIM_SOCKET : CONTAINERD_SOCKET}`,
    cgroupDriver: "cgroupfs",
    failSwapOn: false,
    serializeImagePulls: false,
    registryPullQPS: 0,
    eventRecordQPS: 50,
    kubeAPIQPS: 50,
    kubeAPIBurst: 100,
    imageGCHighThresholdPercent: 100,
    // Not the machine's disk but the kubelet is under test: it must not evict pods before the disk is really full.
    evictionHard: { "nodefs.available": "1%", "imagefs.available": "1%", "nodefs.inodesFree": "1%" },
  };
}

function kubeProxyConfig(cluster: ClusterLayout, node: NodeLayout): object {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    clientConnection: { kubeconfig: componentKubeconfig(cluster, "kube-proxy") },
    mode: "iptables",
    clusterCIDR: POD_NETWORK,
    hostnameOverride: node.name,
    // The machine's connection table is not the node's to resize.
    conntrack: { maxPerCore: 0, min: 0 },
  };
}
