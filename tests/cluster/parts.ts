/** Ends single parts of a running cluster, by pid, and starts them again: accidents for tests. */
import { existsSync, readFileSync, renameSync } from "node:fs";
import { connectApi, readyNodes, type Api } from "./api.ts";
import { processesBelow, removeCgroup } from "./cgroups.ts";
import { waitForContainerd } from "./containerd.ts";
import { controlPlane } from "./control-plane.ts";
import { findForwarders, forwardApi } from "./forwarders.ts";
import { serverOf } from "./kubeconfig.ts";
import { nodeLayout, type ClusterLayout } from "./layout.ts";
import { API_READY_MS, NODE_READY_MS, PROCESSES_END_MS } from "./limits.ts";
import { dockerOf, dockershimOf, waitForDocker } from "./docker.ts";
import { containerdOf, nodeAgents, PAUSE_IMAGE } from "./node-agents.ts";
import { findComponent, findInit, logFile, startInNode, type Component, type RunningNode } from "./node-processes.ts";
import { createNode, findNode, joinNodes, runInNode } from "./nodes.ts";
import { buildPrograms, type Programs } from "./programs.ts";
import { createSteps } from "./steps.ts";
import { waitFor } from "./wait.ts";

/** A process of the cluster, seen from the machine. */
export type ClusterProcess = {
  readonly pid: number;
  readonly argv: readonly string[];
  /** UID of the pod that it runs in; undefined for the nodes' own. */
  readonly pod: string | undefined;
};

/** `docker` where the node has no containerd of its own. */
export type NodePart = "kubelet" | "containerd" | "docker";

export class ClusterParts {
  readonly #cluster: ClusterLayout;
  readonly #programs: Programs;
  readonly #server: string;
  readonly #api: Api;

  private constructor(cluster: ClusterLayout, programs: Programs, server: string) {
    this.#cluster = cluster;
    this.#programs = programs;
    this.#server = server;
    this.#api = connectApi(cluster, server);
  }

  /** Of a cluster that is up. */
  static async open(cluster: ClusterLayout): Promise<ClusterParts> {
    const programs = await buildPrograms(
      cluster.cacheDir,
      createSteps(() => {}),
    );
    const server = await serverOf(cluster.kubeconfig);
    if (server === undefined) throw new Error(`There is no cluster in \`${cluster.stateDir}\``);
    return new ClusterParts(cluster, programs, server);
  }

  processes(): readonly ClusterProcess[] {
    return processesBelow(this.#cluster.cgroup).map((pid) => ({
      pid,
      argv: readProc(pid, "cmdline").split("\0").slice(0, -1),
      pod: /\/pod([0-9a-f-]{36})\//.exec(readProc(pid, "cgroup"))?.[1],
    }));
  }

  killApiServer(): void {
    kill(findComponent(nodeLayout(this.#cluster, 1).cgroup, this.#apiServer()));
  }

  /** @param flags beside its own, until it is started again */
  async restartApiServer(flags: readonly string[] = []): Promise<void> {
    const pid = findComponent(nodeLayout(this.#cluster, 1).cgroup, this.#apiServer());
    kill(pid);
    // It has its port until the very end.
    const ended = async (): Promise<true | undefined> => (existsSync(`/proc/${pid}`) ? undefined : true);
    await waitFor({ what: "the end of the API server", limitMs: PROCESSES_END_MS, check: ended });
    await this.startApiServer(flags);
  }

  async startApiServer(flags: readonly string[] = []): Promise<void> {
    const { name, argv } = this.#apiServer();
    await startInNode(this.#cluster, this.#node(1), { name, argv: [...argv, ...flags] });
    await waitFor({ what: "the API server", limitMs: API_READY_MS, check: async () => this.#api.get("/readyz") });
  }

  /** The way from the machine to the API server. */
  cutNetwork(): void {
    kill(findForwarders(this.#cluster, this.#programs.node).find(({ name }) => name === "forward-api")?.pid);
  }

  async mendNetwork(): Promise<void> {
    const port = Number(new URL(this.#server).port);
    await forwardApi(this.#cluster, this.#node(1), { tool: this.#programs.node, port });
  }

  killPart(index: number, part: NodePart): void {
    const layout = nodeLayout(this.#cluster, index);
    const { kubelet } = this.#agents(index);
    const components = { kubelet, containerd: containerdOf(layout), docker: dockerOf(layout) };
    kill(findComponent(layout.cgroup, components[part]));
  }

  /** What ended because `part` did is started too. */
  async startPart(index: number, part: NodePart): Promise<void> {
    const node = this.#node(index);
    const { kubelet } = this.#agents(index);
    if (part === "containerd") await this.#startContainerd(node, containerdOf(node.layout));
    if (part === "docker") await this.#startDocker(node);
    await this.#startIfGone(node, kubelet);
    await this.#nodeReady(node);
  }

  /** As if somebody pulled its plug. Node 1 holds the control plane and stays. */
  async killNode(index: number): Promise<void> {
    const layout = nodeLayout(this.#cluster, index);
    kill(findInit(layout));
    // A machine that boots knows no cgroups; cAdvisor would look for the dead containers one by one.
    await removeCgroup(layout.cgroup);
  }

  /** With the disk that it had. */
  async bootNode(index: number): Promise<void> {
    const first = this.#node(1);
    const node = await createNode(this.#cluster, index, this.#programs.node);
    // What node 1 knows of the way to it outlived the cable.
    await runInNode(first, ["ip", "route", "del", node.layout.podNetwork]).catch(() => undefined);
    await joinNodes(first, node);
    const { kubelet, kubeProxy } = this.#agents(index);
    await this.#startContainerd(node, containerdOf(node.layout));
    await Promise.all([startInNode(this.#cluster, node, kubelet), startInNode(this.#cluster, node, kubeProxy)]);
    await this.#nodeReady(node);
  }

  /** What the one before has logged must not be taken for its. */
  async #startContainerd(node: RunningNode, containerd: Component): Promise<void> {
    const log = logFile(this.#cluster, `${node.layout.name}-${containerd.name}`);
    renameSync(log, `${log}.before`);
    await startInNode(this.#cluster, node, containerd);
    await waitForContainerd(this.#cluster, node, containerd);
  }

  async #startDocker(node: RunningNode): Promise<void> {
    const docker = dockerOf(node.layout);
    await startInNode(this.#cluster, node, docker);
    await waitForDocker(this.#cluster, node, docker);
    await this.#startIfGone(node, dockershimOf(node.layout, PAUSE_IMAGE));
  }

  async #startIfGone(node: RunningNode, component: Component): Promise<void> {
    if (findComponent(node.layout.cgroup, component) === undefined) await startInNode(this.#cluster, node, component);
  }

  async #nodeReady(node: RunningNode): Promise<void> {
    const { name } = node.layout;
    await waitFor({
      what: `${name} to be ready`,
      limitMs: NODE_READY_MS,
      check: async () => ((await readyNodes(this.#api)).includes(name) ? true : undefined),
    });
  }

  #node(index: number): RunningNode {
    const node = findNode(nodeLayout(this.#cluster, index), this.#programs.node);
    if (node === undefined) throw new Error(`Node ${index} does not run`);
    return node;
  }

  #agents(index: number): ReturnType<typeof nodeAgents> {
    return nodeAgents(this.#cluster, nodeLayout(this.#cluster, index), this.#programs.kube);
  }

  #apiServer(): Component {
    return controlPlane(this.#cluster, nodeLayout(this.#cluster, 1), this.#programs.kube).apiServer;
  }
}

function kill(pid: number | undefined): void {
  if (pid === undefined) throw new Error("What was to be killed does not run");
  process.kill(pid, "SIGKILL");
}

/** Empty when the process has ended. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
