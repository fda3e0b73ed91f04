import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { connectApi, dnsIsReady, readyNodes, type Api } from "./api.ts";
import { cgroupHierarchies, createCgroup } from "./cgroups.ts";
import { componentKubeconfig, controlPlane, type ControlPlane } from "./control-plane.ts";
import { dnsManifests } from "./dns.ts";
import { removeCluster } from "./down.ts";
import { forwardApi, forwardRegistries } from "./forwarders.ts";
import { waitForContainerd } from "./containerd.ts";
import { dockerOf, dockershimOf, type Runtime, type RuntimeName, waitForDocker, waitForDockershim } from "./docker.ts";
import { buildDockerStore, copyDockerStore } from "./docker-store.ts";
import { buildImageStore, copyImageStore } from "./images/store.ts";
import { kubeconfigText, serverOf, writeKubeconfig } from "./kubeconfig.ts";
import { API_PORT, nodeLayout, preferredApiPort, requireVisibleInNodes, type ClusterLayout } from "./layout.ts";
import { API_READY_MS, DNS_READY_MS, NODE_READY_MS } from "./limits.ts";
import { containerdOf, nodeAgents, PAUSE_IMAGE, writeAgentConfigs } from "./node-agents.ts";
import { outsideCgroup, requireAlive, startInNode, type RunningNode } from "./node-processes.ts";
import { BRIDGE, createNode, findNode, joinNodes } from "./nodes.ts";
import { DOCKER_REQUIREMENTS, installMissingPackages } from "./packages.ts";
import { CONTROL_PLANE_CERTIFICATES, createPki, nodeCertificate, signCertificate } from "./pki.ts";
import { freePort } from "./ports.ts";
import { buildExtra, buildPrograms, type Programs } from "./programs.ts";
import { bridgesTo, readPackageSources, type PackageSources } from "./registries.ts";
import { run } from "./run.ts";
import { clusterStatus, isHealthy } from "./status.ts";
import type { Steps } from "./steps.ts";
import { waitFor } from "./wait.ts";

export type NodeCount = 1 | 2;

/** What every step of bringing up a cluster works with. */
type Making = {
  readonly cluster: ClusterLayout;
  readonly programs: Programs;
  /** Of nodes that are made. */
  readonly runtime: Runtime;
  readonly steps: Steps;
};

export type Wanted = { readonly nodes: NodeCount; readonly runtime: RuntimeName };

/** Builds whatever the cluster needs and the caches lack. */
export async function buildAll(cluster: ClusterLayout, steps: Steps): Promise<void> {
  await prepareMachine(cluster, steps);
  const programs = await buildPrograms(cluster.cacheDir, steps);
  await buildImageStore({ programs, sources: await readPackageSources() }, cluster.cacheDir, steps);
}

async function prepareMachine(cluster: ClusterLayout, steps: Steps): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new Error("The test cluster needs root: its nodes are namespaces with their own network and mounts");
  for (const dir of [cluster.stateDir, cluster.cacheDir]) requireVisibleInNodes(dir);
  cgroupHierarchies();
  await installMissingPackages(steps);
}

/** Brings up a cluster with so many nodes, or what is missing of it. What is there but not healthy is removed first. */
export async function bringUp(cluster: ClusterLayout, { nodes: count, runtime }: Wanted, steps: Steps): Promise<void> {
  await prepareMachine(cluster, steps);
  const programs = await buildPrograms(cluster.cacheDir, steps);
  const making: Making = { cluster, programs, runtime: await prepareRuntime(cluster, runtime, steps), steps };
  const before = await clusterStatus(cluster, making.programs);
  if (isHealthy(before)) {
    linkHelm(making);
    if (before.nodes.length >= count) steps.note(`Already up with ${before.nodes.length} node(s)`);
    else await addNode(making, 2);
    return;
  }
  if (before.exists) {
    steps.note("What is left of an earlier cluster is removed first");
    await removeCluster(cluster, steps);
  }
  await createCluster(making, count);
}

async function prepareRuntime(cluster: ClusterLayout, name: RuntimeName, steps: Steps): Promise<Runtime> {
  if (name === "containerd") return { name };
  await installMissingPackages(steps, DOCKER_REQUIREMENTS);
  return { name, dockershim: await buildExtra("dockershim", cluster.cacheDir, steps) };
}

/** The cache may have a newer one since the cluster was made. */
function linkHelm({ cluster, programs }: Making): void {
  const link = join(cluster.binDir, "helm");
  mkdirSync(cluster.binDir, { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(programs.helm, link);
}

async function createCluster(making: Making, count: NodeCount): Promise<void> {
  const { cluster, programs, steps } = making;
  linkHelm(making);
  createCgroup(outsideCgroup(cluster));
  const sources = readPackageSources();
  const [first] = await Promise.all([createNode(cluster, 1, programs.node), createPki(cluster)]);
  writeComponentKubeconfigs(cluster);
  steps.note("Namespaces of node1 made, certificates signed");
  const [api] = await Promise.all([startControlPlane(making, first, sources), startRuntime(making, first, sources)]);
  await startAgents(making, first);
  await Promise.all([
    steps.step("node1 ready", () => waitForNode(making, first, api)),
    steps.step("DNS ready", () => waitForDns(api)),
  ]);
  if (count === 2) await addNode(making, 2);
}

/** Starts the way in from the ordinary namespace and writes the kubeconfig that uses it; gives its URL. */
async function openApi({ cluster, programs }: Making, first: RunningNode): Promise<string> {
  const port = await freePort(preferredApiPort(cluster));
  await forwardApi(cluster, first, { tool: programs.node, port });
  const server = `https://127.0.0.1:${port}`;
  writeKubeconfig(cluster.kubeconfig, kubeconfigText(cluster, { certificate: "admin", user: "admin", server }));
  return server;
}

function writeComponentKubeconfigs(cluster: ClusterLayout): void {
  const names = [...CONTROL_PLANE_CERTIFICATES.map(({ name }) => name), nodeLayout(cluster, 1).name];
  for (const name of names) writeComponentKubeconfig(cluster, name);
}

function writeComponentKubeconfig(cluster: ClusterLayout, name: string): void {
  const server = `https://${nodeLayout(cluster, 1).address}:${API_PORT}`;
  writeKubeconfig(
    componentKubeconfig(cluster, name),
    kubeconfigText(cluster, { certificate: name, user: name, server }),
  );
}

/** The kubelet ends when its runtime does not answer: this comes before startAgents. A runtime needs no API server, so it starts while the control plane does; the node has its images from the start. */
async function startRuntime(making: Making, node: RunningNode, sources: Promise<PackageSources>): Promise<void> {
  const { cluster, programs, runtime, steps } = making;
  writeAgentConfigs(cluster, node.layout, runtime);
  const store = await buildImageStore({ programs, sources: await sources }, cluster.cacheDir, steps);
  if (runtime.name === "docker") return startDocker(making, node, store);
  await copyImageStore(store, node.layout);
  const containerd = containerdOf(node.layout);
  await startInNode(cluster, node, containerd);
  await steps.step(`containerd ready on ${node.layout.name}`, () => waitForContainerd(cluster, node, containerd));
}

async function startDocker(making: Making, node: RunningNode, containerdStore: string): Promise<void> {
  const { cluster, steps } = making;
  await copyDockerStore(await buildDockerStore(making, containerdStore), node.layout);
  const [docker, shim] = [dockerOf(node.layout), dockershimOf(node.layout, PAUSE_IMAGE)];
  await startInNode(cluster, node, docker);
  await steps.step(`Docker ready on ${node.layout.name}`, () => waitForDocker(cluster, node, docker));
  await startInNode(cluster, node, shim);
  await waitForDockershim(cluster, node, shim);
}

/** Starts what decides, and everything that must be said to it before the first node comes. */
async function startControlPlane(making: Making, first: RunningNode, sources: Promise<PackageSources>): Promise<Api> {
  const { cluster, programs, steps } = making;
  const plane = controlPlane(cluster, first.layout, programs.kube);
  await Promise.all([startInNode(cluster, first, plane.etcd), startInNode(cluster, first, plane.apiServer)]);
  const api = connectApi(cluster, await openApi(making, first));
  await steps.step("API server ready", () => waitForApi(making, first, { plane, api }));
  const bridges = bridgesTo((await sources).endpoints);
  await Promise.all([
    startInNode(cluster, first, plane.controllerManager),
    startInNode(cluster, first, plane.scheduler),
    forwardRegistries(cluster, first, { tool: programs.node, bridges, device: BRIDGE }),
    run(["kubectl", "--kubeconfig", cluster.kubeconfig, "create", "-f", "-"], { input: dnsManifests(bridges) }),
  ]);
  return api;
}

async function waitForApi(
  { cluster }: Making,
  first: RunningNode,
  { plane, api }: { plane: ControlPlane; api: Api },
): Promise<void> {
  await waitFor({
    what: "the API server to be ready",
    limitMs: API_READY_MS,
    check: async () => {
      requireAlive(cluster, first, plane.etcd);
      requireAlive(cluster, first, plane.apiServer);
      return api.get("/readyz");
    },
  });
}

async function startAgents({ cluster, programs }: Making, node: RunningNode): Promise<void> {
  const { kubelet, kubeProxy } = nodeAgents(cluster, node.layout, programs.kube);
  await Promise.all([startInNode(cluster, node, kubelet), startInNode(cluster, node, kubeProxy)]);
}

async function addNode(making: Making, index: number): Promise<void> {
  const { cluster, programs, steps } = making;
  const first = findNode(nodeLayout(cluster, 1), programs.node);
  if (first === undefined) throw new Error("Node 1 has ended");
  const request = nodeCertificate(cluster, index);
  const [node] = await Promise.all([createNode(cluster, index, programs.node), signCertificate(cluster, request)]);
  writeComponentKubeconfig(cluster, request.name);
  await joinNodes(first, node);
  const server = await serverOf(cluster.kubeconfig);
  if (server === undefined) throw new Error(`\`${cluster.kubeconfig}\` is missing`);
  const api = connectApi(cluster, server);
  await startRuntime(making, node, readPackageSources());
  await startAgents(making, node);
  await steps.step(`${node.layout.name} ready`, () => waitForNode(making, node, api));
}

async function waitForNode({ cluster, programs }: Making, node: RunningNode, api: Api): Promise<void> {
  const { name } = node.layout;
  const { kubelet } = nodeAgents(cluster, node.layout, programs.kube);
  await waitFor({
    what: `${name} to be ready`,
    limitMs: NODE_READY_MS,
    check: async () => {
      requireAlive(cluster, node, kubelet);
      return (await readyNodes(api)).includes(name) ? true : undefined;
    },
  });
}

async function waitForDns(api: Api): Promise<void> {
  await waitFor({
    what: "the cluster's DNS",
    limitMs: DNS_READY_MS,
    check: async () => ((await dnsIsReady(api)) ? true : undefined),
  });
}
