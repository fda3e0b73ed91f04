/** The network namespace of a pod, found by its processes. */
import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { memberOfCgroup } from "./pod-cgroup.ts";
import { attempt, processesOf } from "./pod-processes.ts";

/**
 * Descriptor of the namespace, for the caller to close. Of the pod's processes the oldest counts, which holds the
 * sandbox: a privileged one among the others may have gone into another network.
 *
 * @param proc the node's /proc
 * @param uid of the pod
 * @throws Error when no process of the pod runs here, or when its network is the node's own
 */
export function openPodNetwork(proc: string, uid: string): number {
  const nodes = statSync(`${proc}/1/ns/net`).ino;
  for (const { pid } of processesOf(proc, uid)) {
    const network = attempt(() => openSync(`${proc}/${pid}/ns/net`, "r"));
    if (network === undefined) continue;
    // Between the look and the opening the process may have ended and its number have gone to another.
    const isStill = attempt(() => memberOfCgroup(readFileSync(`${proc}/${pid}/cgroup`, "utf8"))?.pod) === uid;
    const isNodes = fstatSync(network).ino === nodes;
    if (isStill && !isNodes) return network;
    closeSync(network);
    if (isStill) throw new Error("The pod shares the network of its node, which is not redirected");
  }
  throw new Error(`No process of the pod ${uid} can be found on this node`);
}
