import { existsSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { loadIntoNode } from "./docker.ts";
import { nodeLayout, type ClusterLayout } from "./layout.ts";
import { logFile } from "./node-processes.ts";
import { findNode } from "./nodes.ts";
import { buildPrograms } from "./programs.ts";
import { clusterStatus, isHealthy } from "./status.ts";
import type { Steps } from "./steps.ts";

type Print = (text: string) => void;

const NO_CLUSTER = "There is no cluster here; `up` makes one";

/** Prints each part with its process id. Throws when the cluster is not up and healthy. */
export async function printStatus(cluster: ClusterLayout, steps: Steps, print: Print): Promise<void> {
  expectState(cluster);
  const status = await clusterStatus(cluster, await buildPrograms(cluster.cacheDir, steps));
  if (!status.exists) throw new Error(NO_CLUSTER);
  for (const { node, name, pid } of status.components) {
    print(`${node.padEnd(7)}  ${name.padEnd(24)} ${pid === undefined ? "not running" : `pid ${pid}`}\n`);
  }
  print(`API server  ${status.server ?? "none"}\n`);
  print(`Ready nodes ${status.ready.join(", ") || "none"}\n`);
  print(`DNS         ${status.dns ? "ready" : "not ready"}\n`);
  if (!isHealthy(status)) throw new Error("The cluster is not healthy; `up` makes it anew");
}

/** Loads an image archive into every running node. */
export async function loadImage(cluster: ClusterLayout, file: string, steps: Steps): Promise<void> {
  const archive = resolve(file);
  if (!existsSync(archive)) throw new Error(`The file \`${file}\` does not exist`);
  expectState(cluster);
  const programs = await buildPrograms(cluster.cacheDir, steps);
  const nodes = [1, 2].flatMap((index) => findNode(nodeLayout(cluster, index), programs.node) ?? []);
  if (nodes.length === 0) throw new Error("No node is running; `up` makes a cluster");
  await Promise.all(
    nodes.map((node) => steps.step(`Loaded \`${file}\` on ${node.layout.name}`, () => loadIntoNode(node, archive))),
  );
}

/** Asked before anything is built: a look at what is not there must not take minutes. */
function expectState(cluster: ClusterLayout): void {
  if (!existsSync(cluster.stateDir)) throw new Error(NO_CLUSTER);
}

/** Prints a component's log, or the names there are. */
export function printLogs(cluster: ClusterLayout, component: string | undefined, print: Print): void {
  const names = existsSync(cluster.logDir)
    ? readdirSync(cluster.logDir)
        .map((file) => file.replace(/\.log$/, ""))
        .toSorted()
    : [];
  if (component === undefined) {
    print(names.map((name) => `${name}\n`).join(""));
    return;
  }
  const known = [component, `node1-${component}`].find((name) => names.includes(name));
  if (known === undefined) throw new Error(`No log \`${component}\`; there are: ${names.join(", ") || "none"}`);
  print(readFileSync(logFile(cluster, known), "utf8"));
}
