/** What an administrator does on a node itself: runs programs in the namespaces of the node's first process. */
import { clusterLayout, nodeLayout } from "../../cluster/layout.ts";
import { findInit } from "../../cluster/node-processes.ts";
import { CLUSTER } from "./cluster.ts";

/** Standard output; a failure is a failure of the test. @param node `node1`, `node2`, … */
export async function inNode(node: string, argv: readonly string[]): Promise<string> {
  const index = Number(/\d+$/.exec(node)?.[0]);
  // Only the state folder's path decides what the cgroup is called.
  const pid = findInit(nodeLayout(clusterLayout(CLUSTER, CLUSTER), index));
  if (pid === undefined) throw new Error(`Node \`${node}\` does not run`);
  const enter = ["nsenter", "--target", String(pid), "--mount", "--net", "--pid", "--uts", "--ipc", "--"];
  const child = Bun.spawn([...enter, ...argv], { cwd: "/", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${argv.join(" ")} on ${node}: ${stderr}`);
  return stdout;
}

/** As the kubelet collects an image; one that is not there is no failure. */
export async function removeImage(node: string, image: string): Promise<void> {
  await inNode(node, ["ctr", "--namespace", "k8s.io", "images", "rm", "--sync", image]);
}
