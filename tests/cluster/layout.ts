import { createHash } from "node:crypto";
import { join, resolve } from "node:path";

/** Addresses inside the cluster's own network namespaces; two clusters on one machine use the same ones and never meet. */
export const POD_NETWORK = "10.244.0.0/16";
export const SERVICE_NETWORK = "10.96.0.0/16";
export const API_SERVICE_ADDRESS = "10.96.0.1";
export const DNS_SERVICE_ADDRESS = "10.96.0.10";
export const NODE_NETWORK_BITS = 24;
export const FIRST_NODE = "10.200.0.1";
export const CONTEXT_NAME = "azds-test";
export const API_PORT = 6443;

/** Where one test cluster lives. Every name it takes on the machine is derived from its state folder. */
export type ClusterLayout = {
  /** Eight hexadecimal digits of the state folder's absolute path. */
  readonly id: string;
  readonly stateDir: string;
  /** Shared by all checkouts of a user: built programs and image archives. */
  readonly cacheDir: string;
  /** Root of all its cgroups, relative to a hierarchy's mount point. */
  readonly cgroup: string;
  readonly pkiDir: string;
  readonly logDir: string;
  readonly binDir: string;
  readonly kubeconfig: string;
};

export type NodeLayout = {
  readonly name: string;
  readonly index: number;
  readonly address: string;
  readonly podNetwork: string;
  readonly cgroup: string;
  /** Holds what the node sees as /var/lib and /var/log, and its configuration files. */
  readonly dir: string;
};

export function clusterLayout(stateDir: string, cacheDir: string): ClusterLayout {
  const absolute = resolve(stateDir);
  const id = createHash("sha256").update(absolute).digest("hex").slice(0, 8);
  return {
    id,
    stateDir: absolute,
    cacheDir: resolve(cacheDir),
    cgroup: `azds-${id}`,
    pkiDir: join(absolute, "pki"),
    logDir: join(absolute, "log"),
    binDir: join(absolute, "bin"),
    kubeconfig: join(absolute, "kubeconfig"),
  };
}

/** `index` counts from 1; node 1 also runs the control plane. */
export function nodeLayout(cluster: ClusterLayout, index: number): NodeLayout {
  const name = `node${index}`;
  return {
    name,
    index,
    address: `10.200.0.${index}`,
    podNetwork: `10.244.${index - 1}.0/24`,
    cgroup: `${cluster.cgroup}/${name}`,
    dir: join(cluster.stateDir, name),
  };
}

/** Where the forwarder starts to look for a free port, so that a cluster has the same port each time. */
export function preferredApiPort(cluster: ClusterLayout): number {
  return 20_000 + (Number.parseInt(cluster.id, 16) % 10_000);
}

/** Folders that a node sees differently from the machine; the state and the cache must be outside of them. */
const HIDDEN_IN_NODES = ["/run", "/var/run", "/var/lib", "/var/log", "/sys", "/proc"];

/** Throws when the nodes could not see a folder they must read. */
export function requireVisibleInNodes(dir: string): void {
  const hidden = HIDDEN_IN_NODES.find((root) => `${dir}/`.startsWith(`${root}/`));
  if (hidden !== undefined)
    throw new Error(`The folder \`${dir}\` cannot be used: the cluster's nodes have their own \`${hidden}\``);
}
