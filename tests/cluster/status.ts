import { existsSync } from "node:fs";
import { connectApi, dnsIsReady, readyNodes } from "./api.ts";
import { processesBelow } from "./cgroups.ts";
import { controlPlane } from "./control-plane.ts";
import { findForwarders } from "./forwarders.ts";
import { serverOf } from "./kubeconfig.ts";
import { nodeLayout, type ClusterLayout, type NodeLayout } from "./layout.ts";
import { nodeAgents } from "./node-agents.ts";
import { findComponent, findInit, type Component } from "./node-processes.ts";
import type { Programs } from "./programs.ts";

/** `node` is `outside` for what runs in the ordinary namespaces. */
export type ComponentStatus = { readonly node: string; readonly name: string; readonly pid: number | undefined };

export type ClusterStatus = {
  /** Something of the cluster is there, healthy or not. */
  readonly exists: boolean;
  readonly components: readonly ComponentStatus[];
  /** Names of the nodes that were made, ready or not. */
  readonly nodes: readonly string[];
  readonly ready: readonly string[];
  readonly dns: boolean;
  /** URL in the kubeconfig; undefined before there is one. */
  readonly server: string | undefined;
};

const NODES_MAX = 2;

export async function clusterStatus(cluster: ClusterLayout, programs: Programs): Promise<ClusterStatus> {
  const layouts = Array.from({ length: NODES_MAX }, (_, index) => nodeLayout(cluster, index + 1));
  const made = layouts.filter((layout) => existsSync(layout.dir));
  const server = await serverOf(cluster.kubeconfig);
  const api = server === undefined ? undefined : connectApi(cluster, server);
  return {
    exists: existsSync(cluster.stateDir) || processesBelow(cluster.cgroup).length > 0,
    components: [
      ...made.flatMap((layout) => componentsOf(cluster, layout, programs)),
      ...findForwarders(cluster, programs.node).map(({ name, pid }) => ({ node: "outside", name, pid })),
    ],
    nodes: made.map(({ name }) => name),
    ready: api === undefined ? [] : await readyNodes(api),
    dns: api !== undefined && (await dnsIsReady(api)),
    server,
  };
}

export function isHealthy(status: ClusterStatus): boolean {
  return (
    status.nodes.length > 0 &&
    status.dns &&
    status.components.every(({ pid }) => pid !== undefined) &&
    status.nodes.every((name) => status.ready.includes(name))
  );
}

function componentsOf(cluster: ClusterLayout, layout: NodeLayout, programs: Programs): ComponentStatus[] {
  const { runtime, kubelet, kubeProxy } = nodeAgents(cluster, layout, programs.kube);
  const agents: Component[] = [...runtime, kubelet, kubeProxy];
  const plane: Component[] = layout.index === 1 ? Object.values(controlPlane(cluster, layout, programs.kube)) : [];
  const found = [...plane, ...agents].map((component) => ({
    node: layout.name,
    name: component.name,
    pid: findComponent(layout.cgroup, component),
  }));
  return [{ node: layout.name, name: "init", pid: findInit(layout) }, ...found];
}
