import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { markUsed, removeOldVersions } from "./cache.ts";
import { exportImages, waitForContainerd } from "./containerd.ts";
import { dockerOf, loadIntoDocker, type Runtime, waitForDocker } from "./docker.ts";
import { endProcesses } from "./down.ts";
import { copyImageStore } from "./images/store.ts";
import { clusterLayout, type ClusterLayout, type NodeLayout } from "./layout.ts";
import { BUILD_LOCK_MS } from "./limits.ts";
import { withLock } from "./lock.ts";
import { containerdOf, writeAgentConfigs } from "./node-agents.ts";
import { startInNode } from "./node-processes.ts";
import { createNode } from "./nodes.ts";
import type { Programs } from "./programs.ts";
import { run } from "./run.ts";
import type { Steps } from "./steps.ts";

type Making = {
  readonly cluster: ClusterLayout;
  readonly programs: Programs;
  readonly runtime: Runtime;
  readonly steps: Steps;
};

/** Gives a folder like Docker's /var/lib/docker with the images of `containerdStore`, and makes it when the cache lacks it. */
export async function buildDockerStore(making: Making, containerdStore: string): Promise<string> {
  const store = join(making.cluster.cacheDir, "docker-images", basename(containerdStore));
  if (existsSync(store)) {
    markUsed(store);
    return store;
  }
  const onWait = (): void => making.steps.note("Another build of Docker's images is running: waiting for it");
  await withLock({ file: `${store}.lock`, limitMs: BUILD_LOCK_MS, onWait }, async () => {
    if (existsSync(store)) return;
    await making.steps.step("Moved the images to Docker", () => makeStore(making, containerdStore, store));
    removeOldVersions(dirname(store), "");
  });
  return store;
}

/** Gives a node its own copy, before its Docker starts. What images are made of is never written again. */
export async function copyDockerStore(store: string, node: NodeLayout): Promise<void> {
  const target = join(node.dir, "lib/docker");
  await run(["mkdir", "-p", "-m", "0711", target]);
  const sameDisk = statSync(store).dev === statSync(node.dir).dev;
  const link = sameDisk ? "--link" : "--reflink=auto";
  await run(["cp", "--archive", link, join(store, "overlay2"), join(target, "overlay2")]);
  await run(["cp", "--archive", "--no-clobber", `${store}/.`, target]);
}

async function makeStore({ programs, runtime }: Making, containerdStore: string, store: string): Promise<void> {
  const workshop = clusterLayout(`${store}.tmp`, dirname(store));
  await discard(workshop);
  const node = await createNode(workshop, 1, programs.node);
  writeAgentConfigs(workshop, node.layout, runtime);
  await copyImageStore(containerdStore, node.layout);
  const containerd = containerdOf(node.layout);
  await startInNode(workshop, node, containerd);
  await waitForContainerd(workshop, node, containerd);
  const archive = join(workshop.stateDir, "all.tar");
  await exportImages(node, archive);
  const docker = dockerOf(node.layout);
  await startInNode(workshop, node, docker);
  await waitForDocker(workshop, node, docker);
  await loadIntoDocker(node, archive);
  await endProcesses(workshop);
  renameSync(join(node.layout.dir, "lib/docker"), store);
  await discard(workshop);
}

async function discard(workshop: ClusterLayout): Promise<void> {
  await endProcesses(workshop);
  rmSync(workshop.stateDir, { recursive: true, force: true });
}
