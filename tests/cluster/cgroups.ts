import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CGROUP_REMOVE_MS, PROCESSES_END_MS } from "./limits.ts";
import { waitFor } from "./wait.ts";

const ROOT = "/sys/fs/cgroup";
/** The hierarchy that is asked which processes a cgroup holds. */
const CENSUS = "pids";

/** Names of the machine's cgroup v1 hierarchies. Throws on a machine with cgroup v2 only. */
export function cgroupHierarchies(): string[] {
  const names = readdirSync(ROOT).filter(
    (name) => existsSync(join(ROOT, name, "cgroup.procs")) && !existsSync(join(ROOT, name, "cgroup.controllers")),
  );
  if (!names.includes(CENSUS)) {
    throw new Error(
      "The test cluster needs cgroup v1: this machine has no `/sys/fs/cgroup/pids` (cgroup v2 is not supported yet)",
    );
  }
  return names;
}

/** Makes a cgroup in every hierarchy. cpuset accepts no process until it has cpus and memory nodes. */
export function createCgroup(path: string): void {
  for (const hierarchy of cgroupHierarchies()) {
    const dir = join(ROOT, hierarchy, path);
    mkdirSync(dir, { recursive: true });
  }
  const parts = path.split("/");
  parts.forEach((_, depth) => fillCpuset(parts.slice(0, depth + 1).join("/")));
}

function fillCpuset(path: string): void {
  const cpuset = join(ROOT, "cpuset");
  if (!existsSync(cpuset)) return;
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    writeFileSync(join(cpuset, path, file), readFileSync(join(cpuset, file)));
  }
}

/** Process ids directly in a cgroup; none when it does not exist. */
export function processesIn(path: string): number[] {
  try {
    return readFileSync(join(ROOT, CENSUS, path, "cgroup.procs"), "utf8")
      .split("\n")
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

/** Process ids in a cgroup and everything below it. */
export function processesBelow(path: string): number[] {
  return cgroupsBelow(join(ROOT, CENSUS, path)).flatMap((dir) => processesIn(dir.slice(join(ROOT, CENSUS).length)));
}

/** Ends every process below a cgroup and removes it from every hierarchy. Does nothing when there is none. */
export async function removeCgroup(path: string): Promise<void> {
  await waitFor({
    what: `the processes of \`${path}\` to end`,
    limitMs: PROCESSES_END_MS,
    check: async () => (killAll(processesBelow(path)) === 0 ? true : undefined),
    explain: async () => `still there: ${processesBelow(path).join(" ")}`,
  });
  for (const hierarchy of readdirSync(ROOT)) {
    const dir = join(ROOT, hierarchy, path);
    await waitFor({
      what: `the cgroup \`${dir}\` to be free`,
      limitMs: CGROUP_REMOVE_MS,
      check: async () => removeTree(dir),
    });
  }
}

function killAll(pids: readonly number[]): number {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself in the meantime.
    }
  }
  return pids.length;
}

/** A cgroup stays busy for a moment after its last process: undefined means try again. */
function removeTree(dir: string): true | undefined {
  try {
    for (const child of cgroupsBelow(dir).toReversed()) rmdirSync(child);
    return true;
  } catch {
    return undefined;
  }
}

/** The cgroup folder and all below it, parents first; one that goes away while it is read counts as gone. */
function cgroupsBelow(dir: string): string[] {
  try {
    const children = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [dir, ...children.flatMap((entry) => cgroupsBelow(join(dir, entry.name)))];
  } catch {
    return [];
  }
}
