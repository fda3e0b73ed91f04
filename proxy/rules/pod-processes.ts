/** The processes of one pod, as the node's /proc shows them (proc_pid_stat(5), proc_pid_cmdline(5)). */
import { readdirSync, readFileSync } from "node:fs";
import { EXECUTABLE, PROGRAM } from "../../core/contract.ts";
import { memberOfCgroup } from "./pod-cgroup.ts";

export interface PodProcess {
  readonly pid: string;
  readonly container: string;
  /** Clock ticks since the boot of the node. */
  readonly started: number;
}

/** Oldest first; the first is the sandbox's, which holds the pod's network. Without those that only wait to be reaped. */
export function processesOf(proc: string, uid: string): readonly PodProcess[] {
  return readdirSync(proc)
    .filter((name) => /^[1-9]\d*$/.test(name))
    .flatMap((pid) => attempt(() => readProcess(proc, pid, uid)) ?? [])
    .toSorted((a, b) => a.started - b.started);
}

function readProcess(proc: string, pid: string, uid: string): PodProcess | undefined {
  const member = memberOfCgroup(readFileSync(`${proc}/${pid}/cgroup`, "utf8"));
  if (member?.pod !== uid) return undefined;
  const { started, ended } = readStat(proc, pid);
  return ended ? undefined : { pid, container: member.container, started };
}

interface Stat {
  readonly started: number;
  /** It only waits to be reaped. */
  readonly ended: boolean;
}

function readStat(proc: string, pid: string): Stat {
  const stat = readFileSync(`${proc}/${pid}/stat`, "latin1");
  // The second field is a name in brackets that may hold anything: from the third, the state, to the 22nd.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { started: Number(fields[19]), ended: fields[0] === "Z" };
}

/**
 * Of the containers that are neither the pod's sandbox nor its sidecar.
 * @throws Error when not even the sidecar is seen: then nothing is known of the others
 */
export function applicationOf(proc: string, uid: string): readonly PodProcess[] {
  const processes = processesOf(proc, uid);
  const ours = new Set(
    processes.flatMap(({ pid, container }) => (attempt(() => isSidecar(proc, pid)) === true ? [container] : [])),
  );
  if (ours.size === 0) throw new Error(`The sidecar of the pod ${uid} cannot be found on this node`);
  const sandbox = processes[0]?.container;
  return processes.filter(({ container }) => container !== sandbox && !ours.has(container));
}

/** Whether that very process runs; cheap beside a look through all processes of the node. */
export function isAlive(proc: string, { pid, started }: PodProcess): boolean {
  const stat = attempt(() => readStat(proc, pid));
  return stat?.started === started && !stat.ended;
}

function isSidecar(proc: string, pid: string): boolean {
  const [program, word] = readFileSync(`${proc}/${pid}/cmdline`, "utf8").split("\0");
  return program === EXECUTABLE && word === PROGRAM.proxy;
}

/** Processes end while we look. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
