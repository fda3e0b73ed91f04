/** The network namespace of a pod, found by the processes of the node. */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { podOfCgroup } from "./pod-cgroup.ts";

interface Process {
  readonly pid: string;
  /** Clock ticks since the boot of the node. */
  readonly started: number;
}

/**
 * Descriptor of the namespace, for the caller to close. Of the pod's processes the oldest counts, which holds the
 * sandbox: a privileged one among the others may have gone into another network.
 *
 * @param proc the node's /proc
 * @param uid of the pod
 * @throws Error when no process of the pod runs here, or when its network is the node's own
 */
export function openPodNetwork(proc: string, uid: string): number {
  const isOfPod = (pid: string): boolean => podOfCgroup(readFileSync(`${proc}/${pid}/cgroup`, "utf8")) === uid;
  const processes = readdirSync(proc)
    .filter((name) => /^[1-9]\d*$/.test(name))
    .flatMap(
      (pid): readonly Process[] => attempt(() => (isOfPod(pid) ? [{ pid, started: startOf(proc, pid) }] : [])) ?? [],
    )
    .toSorted((a, b) => a.started - b.started);
  const nodes = statSync(`${proc}/1/ns/net`).ino;
  for (const { pid } of processes) {
    const network = attempt(() => openSync(`${proc}/${pid}/ns/net`, "r"));
    if (network === undefined) continue;
    // Between the look and the opening the process may have ended and its number have gone to another.
    const isStill = attempt(() => isOfPod(pid)) === true;
    const isNodes = fstatSync(network).ino === nodes;
    if (isStill && !isNodes) return network;
    closeSync(network);
    if (isStill) throw new Error("The pod shares the network of its node, which is not redirected");
  }
  throw new Error(`No process of the pod ${uid} can be found on this node`);
}

/** Field 22 of /proc/PID/stat (proc_pid_stat(5)); the second is a name in brackets that may hold anything. */
function startOf(proc: string, pid: string): number {
  const stat = readFileSync(`${proc}/${pid}/stat`, "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
}

/** Processes end while we look. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
