/** The test cluster's nodes are this machine: a container's files can be seen from here. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { kubectlOk } from "../tests/e2e/support/cluster.ts";
import type { Served } from "./in-cluster.ts";

/** The folder of a container of the pod that is named as the service, as this machine sees it. */
export async function containerFolder({ namespace, service }: Served, folder: string): Promise<string> {
  const uid = await kubectlOk(["-n", namespace, "get", "pod", service, "-o", "jsonpath={.metadata.uid}"]);
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const seen = join("/proc", pid, "root", folder);
    if (isOfPod(pid, uid) && existsSync(seen)) return seen;
  }
  throw new Error(`No process of pod ${namespace}/${service} is seen on this machine`);
}

function isOfPod(pid: string, uid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(uid);
  } catch {
    // It has ended meanwhile.
    return false;
  }
}
