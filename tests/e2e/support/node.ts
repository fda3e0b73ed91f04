/** What an administrator does on a node itself: runs programs in the namespaces of the node's first process. */
import { DOCKER_HOST, runtimeOf } from "../../cluster/docker.ts";
import { clusterLayout, type NodeLayout, nodeLayout } from "../../cluster/layout.ts";
import { findInit } from "../../cluster/node-processes.ts";
import { CLUSTER, kubectlOk } from "./cluster.ts";

/** Of all nodes, as Kubernetes calls them. */
export async function nodeNames(): Promise<readonly string[]> {
  const names = (await kubectlOk(["get", "nodes", "-o", "name"])).trim().split("\n");
  return names.map((name) => name.replace("node/", ""));
}

/** Standard output; a failure is a failure of the test. @param node `node1`, `node2`, … */
export async function inNode(node: string, argv: readonly string[]): Promise<string> {
  const child = Bun.spawn([...entering(node), ...argv], { cwd: "/", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${argv.join(" ")} on ${node}: ${stderr}`);
  return stdout;
}

/** Starts a program of this machine in the node's network. */
export function startInNodeNetwork(node: string, argv: readonly string[]): Bun.Subprocess {
  const enter = ["nsenter", "--target", String(initOf(node)), "--net", "--"];
  return Bun.spawn([...enter, ...argv], { cwd: "/", stdout: "ignore", stderr: "ignore" });
}

/** Starts a program in the network of process `pid` of the node; resolves with its first output. */
export async function startInNetwork(node: string, pid: string, argv: readonly string[]): Promise<Bun.Subprocess> {
  const child = Bun.spawn([...entering(node), "nsenter", "--target", pid, "--net", "--", ...argv], {
    cwd: "/",
    stdout: "pipe",
    stderr: "ignore",
  });
  await child.stdout.getReader().read();
  return child;
}

/** As the kubelet collects an image; one that is not there is no failure. */
export async function removeImage(node: string, image: string): Promise<void> {
  const argv = runsDocker(node)
    ? ["docker", "--host", DOCKER_HOST, "image", "rm", "--force", image]
    : ["ctr", "--namespace", "k8s.io", "images", "rm", "--sync", image];
  await inNode(node, argv);
}

export function runsDocker(node: string): boolean {
  return runtimeOf(layoutOf(node)) === "docker";
}

export function layoutOf(node: string): NodeLayout {
  const index = Number(/\d+$/.exec(node)?.[0]);
  // Only the state folder's path decides what the cgroup is called.
  return nodeLayout(clusterLayout(CLUSTER, CLUSTER), index);
}

function initOf(node: string): number {
  const pid = findInit(layoutOf(node));
  if (pid === undefined) throw new Error(`Node \`${node}\` does not run`);
  return pid;
}

function entering(node: string): readonly string[] {
  return ["nsenter", "--target", String(initOf(node)), "--mount", "--net", "--pid", "--uts", "--ipc", "--"];
}
