import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { markUsed, removeOldVersions } from "../cache.ts";
import { loadArchive, waitForContainerd } from "../containerd.ts";
import { endProcesses } from "../down.ts";
import { clusterLayout, nodeLayout, type ClusterLayout, type NodeLayout } from "../layout.ts";
import { BUILD_LOCK_MS } from "../limits.ts";
import { withLock } from "../lock.ts";
import { containerdOf, writeAgentConfigs } from "../node-agents.ts";
import { startInNode } from "../node-processes.ts";
import { createNode } from "../nodes.ts";
import { SYSTEM_PATH } from "../packages.ts";
import { inOrder, run } from "../run.ts";
import type { Steps } from "../steps.ts";
import { writeImageArchive } from "./archive.ts";
import { recipes, type ImageInputs } from "./recipes.ts";

/** Parts of containerd's folder that it writes once and never changes; copies of the store share these files. */
const IMMUTABLE = ["io.containerd.content.v1.content/blobs", "io.containerd.snapshotter.v1.overlayfs/snapshots"];

/**
 * Gives a folder like containerd's /var/lib/containerd that holds every image, and makes it when the cache lacks it.
 * Loading the images takes fifteen seconds, a copy of the loaded store half a second.
 */
export async function buildImageStore(inputs: ImageInputs, cacheDir: string, steps: Steps): Promise<string> {
  const store = join(cacheDir, "images", storeKey(inputs));
  if (existsSync(store)) {
    markUsed(store);
    return store;
  }
  const onWait = (): void => steps.note("Another build of the images is running: waiting for it");
  await withLock({ file: `${store}.lock`, limitMs: BUILD_LOCK_MS, onWait }, async () => {
    if (!existsSync(store)) await makeStore(inputs, store, steps);
    removeOldVersions(dirname(store), "");
  });
  return store;
}

/** Gives a node its own copy of the image store, before its containerd starts. */
export async function copyImageStore(store: string, node: NodeLayout): Promise<void> {
  const target = join(node.dir, "lib/containerd");
  const sameDisk = statSync(store).dev === statSync(node.dir).dev;
  await inOrder(IMMUTABLE, async (part) => {
    mkdirSync(dirname(join(target, part)), { recursive: true, mode: 0o700 });
    await run(["cp", "--archive", sameDisk ? "--link" : "--reflink=auto", join(store, part), join(target, part)]);
  });
  await run(["cp", "--archive", "--no-clobber", `${store}/.`, target]);
}

/** Loads the images in a node made for it, and takes the node's containerd folder. */
async function makeStore(inputs: ImageInputs, store: string, steps: Steps): Promise<void> {
  const workshop = clusterLayout(`${store}.tmp`, dirname(store));
  await discard(workshop);
  const node = await createNode(workshop, 1, inputs.programs.node);
  writeAgentConfigs(workshop, node.layout);
  const containerd = containerdOf(node.layout);
  await startInNode(workshop, node, containerd);
  await waitForContainerd(workshop, node, containerd);
  await inOrder(recipes(inputs, workshop.stateDir), ({ name, make }) =>
    steps.step(`Made the image ${name}`, async () => {
      const archive = join(workshop.stateDir, `${name}.tar`);
      writeImageArchive(archive, await make());
      await loadArchive(node, archive);
      rmSync(archive);
    }),
  );
  const made = join(nodeLayout(workshop, 1).dir, "lib/containerd");
  await run(["sync", "--file-system", made]);
  await endProcesses(workshop);
  renameSync(made, store);
  await discard(workshop);
}

async function discard(workshop: ClusterLayout): Promise<void> {
  await endProcesses(workshop);
  rmSync(workshop.stateDir, { recursive: true, force: true });
}

/** The recipes are part of the key, so that a change of theirs makes a new store. */
function storeKey(inputs: ImageInputs): string {
  const { node, coredns, buildkitd, buildctl } = inputs.programs;
  const programsUsed = [node, coredns, buildkitd, buildctl];
  const sources = readdirSync(import.meta.dir)
    .toSorted()
    .map((file) => readFileSync(join(import.meta.dir, file), "utf8"));
  const key = JSON.stringify([inputs.sources, programsUsed, machineStamps(), sources]);
  return createHash("sha256").update(key).digest("hex").slice(0, 12);
}

/** Changes whenever what the images are made from does. */
function machineStamps(): string[] {
  const programs = ["node", "npm", "python3", "go", "busybox", "runc"];
  const paths = programs.map((name) => Bun.which(name) ?? Bun.which(name, { PATH: SYSTEM_PATH }) ?? name);
  const files = [...paths, "/etc/ssl/certs/ca-certificates.crt", "/lib/x86_64-linux-gnu/libc.so.6"];
  return files
    .filter((file) => existsSync(file))
    .map((file) => `${file} ${statSync(file).size} ${statSync(file).mtimeMs}`);
}
