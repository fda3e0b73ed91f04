/** Nodes whose containers Docker runs, with `go/dockershim` between it and the kubelet. */
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadArchive } from "./containerd.ts";
import { DNS_SERVICE_ADDRESS, FIRST_NODE, type ClusterLayout, type NodeLayout } from "./layout.ts";
import { DOCKER_READY_MS } from "./limits.ts";
import { requireAlive, type Component, type RunningNode } from "./node-processes.ts";
import { runInNode } from "./nodes.ts";
import { waitFor } from "./wait.ts";

export type RuntimeName = "containerd" | "docker";
export type Runtime =
  | { readonly name: "containerd" }
  /** `dockershim` is the program's path. */
  | { readonly name: "docker"; readonly dockershim: string };

export const DOCKERSHIM_SOCKET = "/run/dockershim.sock";
export const DOCKER_HOST = "unix:///run/docker.sock";
const DOCKER = ["docker", "--host", DOCKER_HOST];

/** What the node was made with. */
export function runtimeOf(node: NodeLayout): RuntimeName {
  return existsSync(dockerConfigFile(node)) ? "docker" : "containerd";
}

function dockerConfigFile(node: NodeLayout): string {
  return join(node.dir, "docker.json");
}

export function dockerOf(node: NodeLayout): Component {
  return { name: "docker", argv: ["dockerd", "--config-file", dockerConfigFile(node)] };
}

export function dockershimOf(node: NodeLayout, pauseImage: string): Component {
  const flags = {
    listen: DOCKERSHIM_SOCKET,
    docker: DOCKER_HOST,
    "pause-image": pauseImage,
    "cni-conf-dir": join(node.dir, "cni"),
    address: node.address,
  };
  const words = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  return { name: "dockershim", argv: [join(node.dir, "dockershim"), ...words] };
}

export function writeDockerConfig(node: NodeLayout, dockershim: string): void {
  mkdirSync(node.dir, { recursive: true });
  const link = join(node.dir, "dockershim");
  rmSync(link, { force: true });
  symlinkSync(dockershim, link);
  const runc = join(node.dir, "runc");
  writeFileSync(runc, RUNC, { mode: 0o755 });
  writeFileSync(dockerConfigFile(node), JSON.stringify(dockerConfig(runc), undefined, 2));
}

/** dockerd(8). */
function dockerConfig(runc: string): object {
  return {
    hosts: [DOCKER_HOST],
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
    "storage-driver": "overlay2",
    // Pods are not in Docker's own network, steps of builds are.
    bip: "172.30.0.1/24",
    dns: [DNS_SERVICE_ADDRESS],
    // Those that tests start on a node speak plain HTTP, which Docker's BuildKit believes of a URL alone.
    "insecure-registries": [5000, 5001].map((port) => `http://${FIRST_NODE}:${port}`),
    "oom-score-adjust": 0,
    runtimes: { lenient: { path: runc } },
    "default-runtime": "lenient",
  };
}

/**
 * Root does not have CAP_SYS_RESOURCE everywhere: what cannot be given is not asked for, nor a lower score, which needs
 * it. containerd can be told so.
 */
const RUNC = `#!/bin/sh
for word; do
  case $before in
    --bundle) file=$word/config.json ;;
    --process) file=$word ;;
    *) file= ;;
  esac
  before=$word
  [ -z "$file" ] || sed -i \\
    -e 's/"oomScoreAdj":-[0-9]*/"oomScoreAdj":0/' \\
    -e 's/"CAP_SYS_RESOURCE",//g' -e 's/,"CAP_SYS_RESOURCE"//g' "$file"
done
exec runc "$@"
`;

export async function waitForDocker(cluster: ClusterLayout, node: RunningNode, docker: Component): Promise<void> {
  await waitFor({
    what: `Docker on ${node.layout.name}`,
    limitMs: DOCKER_READY_MS,
    check: async () => {
      requireAlive(cluster, node, docker);
      return succeeds(node, [...DOCKER, "version"]);
    },
  });
}

export async function waitForDockershim(
  cluster: ClusterLayout,
  node: RunningNode,
  dockershim: Component,
): Promise<void> {
  await waitFor({
    what: `dockershim on ${node.layout.name}`,
    limitMs: DOCKER_READY_MS,
    check: async () => {
      requireAlive(cluster, node, dockershim);
      return succeeds(node, ["test", "-S", DOCKERSHIM_SOCKET]);
    },
  });
}

async function succeeds(node: RunningNode, argv: readonly string[]): Promise<true | undefined> {
  try {
    await runInNode(node, argv);
    return true;
  } catch {
    return undefined;
  }
}

/** Loads an image archive (of `docker save`, or in OCI layout) into the store of a node's runtime. */
export async function loadIntoNode(node: RunningNode, file: string): Promise<void> {
  await (runtimeOf(node.layout) === "docker" ? loadIntoDocker(node, file) : loadArchive(node, file));
}

export async function loadIntoDocker(node: RunningNode, file: string): Promise<void> {
  await runInNode(node, [...DOCKER, "load", "--input", file]);
}
