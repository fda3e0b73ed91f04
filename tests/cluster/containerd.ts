import { readFileSync } from "node:fs";
import type { ClusterLayout } from "./layout.ts";
import { CONTAINERD_READY_MS } from "./limits.ts";
import { logFile, requireAlive, type Component, type RunningNode } from "./node-processes.ts";
import { runInNode } from "./nodes.ts";
import { waitFor } from "./wait.ts";

/**
 * What the part of containerd that the kubelet speaks to logs when it is there, some time after the rest answers. A
 * kubelet that asks before ends with "server is not initialized yet".
 */
const CRI_STARTED = "Start streaming server";

/** The containerd namespace the kubelet uses. */
const CTR = ["ctr", "--namespace", "k8s.io"];

export async function waitForContainerd(
  cluster: ClusterLayout,
  node: RunningNode,
  containerd: Component,
): Promise<void> {
  await waitFor({
    what: `containerd on ${node.layout.name}`,
    limitMs: CONTAINERD_READY_MS,
    check: async () => {
      requireAlive(cluster, node, containerd);
      return hasLogged(cluster, node, containerd) ? answers(node) : undefined;
    },
  });
}

function hasLogged(cluster: ClusterLayout, node: RunningNode, { name }: Component): boolean {
  return readFileSync(logFile(cluster, `${node.layout.name}-${name}`), "utf8").includes(CRI_STARTED);
}

async function answers(node: RunningNode): Promise<true | undefined> {
  try {
    await runInNode(node, [...CTR, "version"]);
    return true;
  } catch {
    return undefined;
  }
}

/** Loads an image archive (of `docker save`, or in OCI layout) into containerd's image store. */
export async function loadArchive(node: RunningNode, file: string): Promise<void> {
  await runInNode(node, [...CTR, "images", "import", file]);
}

/** Writes all images of containerd's store into one archive. */
export async function exportImages(node: RunningNode, file: string): Promise<void> {
  const references = (await runInNode(node, [...CTR, "images", "ls", "--quiet"])).trim().split("\n");
  const named = references.filter((reference) => !reference.startsWith("sha256:") && !reference.includes("@"));
  await runInNode(node, [...CTR, "images", "export", file, ...named]);
}
