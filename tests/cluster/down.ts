import { rm } from "node:fs/promises";
import { removeCgroup } from "./cgroups.ts";
import type { ClusterLayout } from "./layout.ts";
import type { Steps } from "./steps.ts";

/**
 * Removes a cluster, whatever is left of it. Its namespaces end with its processes, and with the namespaces every
 * mount and network device in them: nothing else was made on the machine.
 */
export async function removeCluster(cluster: ClusterLayout, steps: Steps): Promise<void> {
  await steps.step("Processes ended", () => endProcesses(cluster));
  await steps.step("Files removed", () => rm(cluster.stateDir, { recursive: true, force: true }));
}

/** Ends every process of a cluster, removes its cgroups and keeps its files. */
export function endProcesses(cluster: ClusterLayout): Promise<void> {
  return removeCgroup(cluster.cgroup);
}
