import { mkdirSync, openSync, closeSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { processesIn } from "./cgroups.ts";
import type { ClusterLayout, NodeLayout } from "./layout.ts";
import { PROCESS_START_MS } from "./limits.ts";
import { SYSTEM_PATH } from "./packages.ts";
import { lastLines } from "./run.ts";
import { waitFor } from "./wait.ts";

/** A program that runs as long as the cluster does. */
export type Component = { readonly name: string; readonly argv: readonly string[] };

/** What a running node is for those who start something in it. */
export type RunningNode = {
  readonly layout: NodeLayout;
  /** Process id, seen from the machine, of the node's first process; it pins the namespaces. */
  readonly initPid: number;
  /** The command line that runs a program inside the node, in all its namespaces and its cgroup. */
  readonly enter: readonly string[];
};

/** Only the paths of the system: what the caller's environment holds must not reach the cluster. */
export const NODE_ENVIRONMENT = { PATH: SYSTEM_PATH, HOME: "/root" };

/** Runs a program that outlives its caller; in a node its parent is then the node's first process. */
const DETACH = ["setsid", "--fork"];

/**
 * The pid of a node's first process: number 1 one namespace down, and already `init`, since what unshare(1) does
 * before it becomes that must not run into what follows.
 */
export function findInit(node: NodeLayout): number | undefined {
  return processesIn(node.cgroup).find((pid) => {
    const [, inNode, ...deeper] = namespacePids(pid);
    return inNode === 1 && deeper.length === 0 && commandLine(pid)[1] === "init";
  });
}

export function runningNode(layout: NodeLayout, initPid: number, tool: string): RunningNode {
  const namespaces = ["--mount", "--net", "--pid", "--cgroup", "--uts", "--ipc"];
  return {
    layout,
    initPid,
    enter: [tool, "join", layout.cgroup, "nsenter", "--target", String(initPid), ...namespaces, "--"],
  };
}

/** Starts a component inside a node, detached, with its output in its own log file. */
export async function startInNode(cluster: ClusterLayout, node: RunningNode, component: Component): Promise<void> {
  const log = logFile(cluster, `${node.layout.name}-${component.name}`);
  await spawnDetached([...node.enter, ...DETACH, ...component.argv], log);
  await waitForComponent(node.layout.cgroup, component, log);
}

/** Starts a component in the machine's ordinary namespaces, in a cgroup of the cluster. */
export async function startOutside(cluster: ClusterLayout, tool: string, component: Component): Promise<void> {
  const log = logFile(cluster, component.name);
  await spawnDetached([tool, "join", outsideCgroup(cluster), ...DETACH, ...component.argv], log);
  await waitForComponent(outsideCgroup(cluster), component, log);
}

/** A detached process is not the program at once: on a busy disk loading it can take a second. */
async function waitForComponent(cgroup: string, component: Component, log: string): Promise<void> {
  await waitFor({
    what: `\`${component.name}\` to start`,
    limitMs: PROCESS_START_MS,
    check: async () => findComponent(cgroup, component),
    explain: async () => endOf(log),
  });
}

export function outsideCgroup(cluster: ClusterLayout): string {
  return `${cluster.cgroup}/outside`;
}

export function logFile(cluster: ClusterLayout, name: string): string {
  return join(cluster.logDir, `${name}.log`);
}

/** The pid of a component that runs in a cgroup: its command line begins with the component's. */
export function findComponent(cgroup: string, component: Component): number | undefined {
  return processesIn(cgroup).find((pid) => {
    const argv = commandLine(pid);
    return component.argv.every((word, index) => argv[index] === word);
  });
}

/** Throws when a component that was started has ended. */
export function requireAlive(cluster: ClusterLayout, node: RunningNode, component: Component): void {
  if (findComponent(node.layout.cgroup, component) !== undefined) return;
  const log = logFile(cluster, `${node.layout.name}-${component.name}`);
  throw new Error(`\`${component.name}\` on ${node.layout.name} has ended\n${endOf(log)}`);
}

function endOf(log: string): string {
  return `the end of \`${log}\`:\n${lastLines(readFileSync(log, "utf8"))}`;
}

/** Starts the first process of a node in new namespaces and gives its pid. */
export async function startInit(cluster: ClusterLayout, node: NodeLayout, tool: string): Promise<number> {
  const kinds = ["--mount", "--net", "--pid", "--cgroup", "--uts", "--ipc"];
  const unshare = ["unshare", ...kinds, "--propagation", "private", "--fork", "--mount-proc"];
  await spawnDetached(
    [tool, "join", node.cgroup, ...DETACH, ...unshare, tool, "init"],
    logFile(cluster, `${node.name}-init`),
  );
  return waitFor({
    what: `the namespaces of ${node.name}`,
    limitMs: PROCESS_START_MS,
    check: async () => findInit(node),
    explain: async () => endOf(logFile(cluster, `${node.name}-init`)),
  });
}

/** Waits only for the program that detaches it; throws when that one fails. */
async function spawnDetached(argv: readonly string[], log: string): Promise<void> {
  mkdirSync(join(log, ".."), { recursive: true });
  const output = openSync(log, "a");
  try {
    const child = Bun.spawn([...argv], {
      env: NODE_ENVIRONMENT,
      cwd: "/",
      stdin: "ignore",
      stdout: output,
      stderr: output,
    });
    const code = await child.exited;
    if (code !== 0) throw new Error(`\`${argv.join(" ")}\` failed with exit code ${code}\n${endOf(log)}`);
  } finally {
    closeSync(output);
  }
}

function commandLine(pid: number): string[] {
  return readProc(pid, "cmdline").split("\0");
}

function namespacePids(pid: number): number[] {
  const line = /^NSpid:\s*(.*)$/m.exec(readProc(pid, "status"))?.[1] ?? "";
  return line.split(/\s+/).filter(Boolean).map(Number);
}

/** Empty when the process has ended. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
