import { existsSync, readFileSync } from "node:fs";
import { API_PORT, type ClusterLayout } from "./layout.ts";
import { PROCESS_START_MS } from "./limits.ts";
import {
  findComponent,
  logFile,
  outsideCgroup,
  startOutside,
  type Component,
  type RunningNode,
} from "./node-processes.ts";
import { runInNode } from "./nodes.ts";
import { accepts } from "./ports.ts";
import type { Bridge } from "./registries.ts";
import { inOrder, lastLines } from "./run.ts";
import { waitFor } from "./wait.ts";

/** A forwarder; without the specs, as here, it is what its command line begins with. */
function forwarder(tool: string, name: string, specs: readonly string[] = []): Component {
  return { name: `forward-${name}`, argv: [tool, "forward", name, ...specs] };
}

/** The forwarders a cluster was started with, and their pids: no registries are configured, no forwarder to them. */
export function findForwarders(
  cluster: ClusterLayout,
  tool: string,
): { readonly name: string; readonly pid: number | undefined }[] {
  return ["api", "registries"]
    .map((name) => forwarder(tool, name))
    .filter(({ name }) => existsSync(logFile(cluster, name)))
    .map((component) => ({ name: component.name, pid: findComponent(outsideCgroup(cluster), component) }));
}

/** Makes the API server, which listens in node 1's namespace, reachable at 127.0.0.1 of the ordinary one. */
export async function forwardApi(
  cluster: ClusterLayout,
  first: RunningNode,
  options: { tool: string; port: number },
): Promise<void> {
  const spec = `127.0.0.1:${options.port}=${namespaceOf(first)}@127.0.0.1:${API_PORT}`;
  const component = forwarder(options.tool, "api", [spec]);
  await startOutside(cluster, options.tool, component);
  await waitFor({
    what: `the forwarder at port ${options.port}`,
    limitMs: PROCESS_START_MS,
    check: async () => ((await accepts(options.port)) ? true : undefined),
    explain: async () => lastLines(readFileSync(logFile(cluster, component.name), "utf8")),
  });
}

/** Lets the nodes reach the registries, and nothing else, outside. */
export async function forwardRegistries(
  cluster: ClusterLayout,
  first: RunningNode,
  options: { tool: string; bridges: readonly Bridge[]; device: string },
): Promise<void> {
  if (options.bridges.length === 0) return;
  await inOrder(options.bridges, ({ address }) =>
    runInNode(first, ["ip", "addr", "add", `${address}/32`, "dev", options.device]),
  );
  const specs = options.bridges.map(
    ({ address, host, port }) => `${namespaceOf(first)}@${address}:${port}=${host}:${port}`,
  );
  const component = forwarder(options.tool, "registries", specs);
  await startOutside(cluster, options.tool, component);
}

function namespaceOf(node: RunningNode): string {
  return `/proc/${node.initPid}/ns/net`;
}
