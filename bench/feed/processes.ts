/** The controllers of a test cluster and its node, which is this machine, as /proc shows them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { processesBelow } from "../../tests/cluster/cgroups.ts";
import { clusterLayout, nodeLayout } from "../../tests/cluster/layout.ts";
import { findInit } from "../../tests/cluster/node-processes.ts";

const CLOCK_TICKS_PER_SECOND = 100;

/** The command that runs another in the network of the cluster's first node. */
export function nodeNetwork(stateDir: string): readonly string[] {
  const init = findInit(nodeLayout(clusterLayout(stateDir, stateDir), 1));
  if (init === undefined) throw new Error("The node does not run");
  return ["nsenter", "--target", String(init), "--net", "--"];
}

/** Process ids of the cluster's controllers. */
export function controllerPids(stateDir: string): readonly number[] {
  const { cgroup } = clusterLayout(stateDir, stateDir);
  return processesBelow(cgroup).filter((pid) => read(pid, "cmdline").split("\0").includes("__controller"));
}

/** User and system time of all of them. */
export function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    // Behind the name, which may hold anything; utime and stime are fields 14 and 15 (proc_pid_stat(5)).
    const fields = read(pid, "stat").split(") ").at(-1)?.split(" ") ?? [];
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  });
  return ticks.reduce((sum, one) => sum + one, 0) / CLOCK_TICKS_PER_SECOND;
}

export function residentMegabytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(read(pid, "status"))?.[1] ?? 0) / 1024;
}

function read(pid: number, file: string): string {
  return readFileSync(join("/proc", String(pid), file), "utf8");
}
