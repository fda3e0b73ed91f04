/** What a node can do for azds, read from its Node object; pure. */
import { asArray, asString, asStringRecord, at } from "../../core/parse.ts";
import { CONTAINERD_DEFAULTS, type ControlPlaneSettings } from "../../templates/control-plane/settings.ts";

export type NodeStore = "containerd" | "docker" | "closed";

export interface NodeFacts {
  readonly name: string;
  /** Ready, Linux, amd64 or arm64, and open to pods without tolerations. */
  readonly usable: boolean;
  /** Why it is not usable, for people; empty when it is. */
  readonly reason: string;
  /** For example `containerd://1.7.24`. */
  readonly runtime: string;
  /** Whose store it is that builders can put images into; `closed`: only the runtime itself can. */
  readonly store: NodeStore;
  /** From the kubelet's configuration, where it may be read. */
  readonly kubelet: KubeletFacts;
}

export interface KubeletFacts {
  /** `containerRuntimeEndpoint`. */
  readonly endpoint?: string;
  /** DNS domain of the cluster. */
  readonly clusterDomain?: string;
}

const ARCHITECTURES: ReadonlySet<string> = new Set(["amd64", "arm64"]);
/** Effects that keep a pod without tolerations away. */
const REPELLING: ReadonlySet<string> = new Set(["NoSchedule", "NoExecute"]);

export function readNode(node: unknown, kubelet: KubeletFacts = {}): NodeFacts {
  const runtime = asString(at(node, "status", "nodeInfo", "containerRuntimeVersion")) ?? "unknown";
  const reason = whyUnusable(node);
  return {
    name: asString(at(node, "metadata", "name")) ?? "",
    usable: reason === "",
    reason,
    runtime,
    store: storeOf(runtime),
    kubelet,
  };
}

function storeOf(runtime: string): NodeStore {
  if (runtime.startsWith("containerd://")) return "containerd";
  return runtime.startsWith("docker://") ? "docker" : "closed";
}

/** Reads the answer of the kubelet's `/configz`; nothing from anything else. */
export function readConfigz(configz: unknown): KubeletFacts {
  const endpoint = asString(at(configz, "kubeletconfig", "containerRuntimeEndpoint")) ?? "";
  const clusterDomain = asString(at(configz, "kubeletconfig", "clusterDomain")) ?? "";
  return { ...(endpoint === "" ? {} : { endpoint }), ...(clusterDomain === "" ? {} : { clusterDomain }) };
}

/** Usable nodes with such a store. */
export function nodesWith(store: NodeStore, nodes: readonly NodeFacts[]): readonly NodeFacts[] {
  return nodes.filter((node) => node.usable && node.store === store);
}

/** All usable nodes run Docker. */
export function allRunDocker(nodes: readonly NodeFacts[]): boolean {
  const usable = nodes.filter((node) => node.usable);
  return usable.length > 0 && usable.every(({ store }) => store === "docker");
}

export function clusterDomainOf(nodes: readonly NodeFacts[]): string | undefined {
  return nodes.find((node) => node.kubelet.clusterDomain !== undefined)?.kubelet.clusterDomain;
}

function whyUnusable(node: unknown): string {
  const labels = asStringRecord(at(node, "metadata", "labels"));
  const system = labels["kubernetes.io/os"] ?? asString(at(node, "status", "nodeInfo", "operatingSystem")) ?? "";
  if (system !== "linux") return system === "" ? "no operating system known" : system;
  const architecture = asString(at(node, "status", "nodeInfo", "architecture")) ?? "";
  if (!ARCHITECTURES.has(architecture)) return `processor ${architecture}`;
  const ready = asArray(at(node, "status", "conditions")).find((condition) => at(condition, "type") === "Ready");
  if (at(ready, "status") !== "True") return "not Ready";
  if (at(node, "spec", "unschedulable") === true) return "cordoned";
  const taint = asArray(at(node, "spec", "taints")).find((candidate) =>
    REPELLING.has(asString(at(candidate, "effect")) ?? ""),
  );
  return taint === undefined ? "" : `taint ${asString(at(taint, "key")) ?? ""}`;
}

/** Socket → folder of containerd in distributions that bring their own. */
const CONTAINERD_PLACES: Readonly<Record<string, string>> = {
  [CONTAINERD_DEFAULTS.socket]: CONTAINERD_DEFAULTS.root,
  "/var/run/containerd/containerd.sock": CONTAINERD_DEFAULTS.root,
  "/run/k3s/containerd/containerd.sock": "/var/lib/rancher/k3s/agent/containerd",
  "/var/snap/microk8s/common/run/containerd.sock": "/var/snap/microk8s/common/var/lib/containerd",
  "/run/k0s/containerd.sock": "/var/lib/k0s/containerd",
};

/** Where containerd is on the nodes that build; the defaults where nothing is known. */
export function containerdOf(nodes: readonly NodeFacts[]): ControlPlaneSettings["containerd"] {
  const endpoint = nodes
    .filter((node) => node.store === "containerd")
    .find((node) => node.kubelet.endpoint !== undefined)?.kubelet.endpoint;
  const socket = endpoint?.replace(/^unix:\/\//, "") ?? CONTAINERD_DEFAULTS.socket;
  return { socket, root: CONTAINERD_PLACES[socket] ?? CONTAINERD_DEFAULTS.root };
}
