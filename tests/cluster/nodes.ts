import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { cgroupHierarchies, createCgroup } from "./cgroups.ts";
import {
  NODE_NETWORK_BITS,
  nodeLayout,
  POD_NETWORK,
  SERVICE_NETWORK,
  type ClusterLayout,
  type NodeLayout,
} from "./layout.ts";
import { findInit, NODE_ENVIRONMENT, runningNode, startInit, type RunningNode } from "./node-processes.ts";
import { inOrder, run } from "./run.ts";

/** The bridge that joins the nodes; it lives in node 1. */
export const BRIDGE = "tc0";

/** A running node's handle, or undefined when it does not run. */
export function findNode(layout: NodeLayout, tool: string): RunningNode | undefined {
  const initPid = findInit(layout);
  return initPid === undefined ? undefined : runningNode(layout, initPid, tool);
}

/** Makes a node: its cgroup, its namespaces, its own /run, /sys, /var/lib and /var/log, and its network. */
export async function createNode(cluster: ClusterLayout, index: number, tool: string): Promise<RunningNode> {
  const layout = nodeLayout(cluster, index);
  createCgroup(layout.cgroup);
  for (const name of ["lib", "log"]) mkdirSync(join(layout.dir, name), { recursive: true });
  const node = runningNode(layout, await startInit(cluster, layout, tool), tool);
  await inOrder(mountPlan(layout, cgroupHierarchies()), (argv) => runInNode(node, argv));
  await inOrder(networkPlan(layout), (argv) => runInNode(node, argv));
  return node;
}

/** Connects a node to node 1, both ways. */
export async function joinNodes(first: RunningNode, other: RunningNode): Promise<void> {
  const plan = cablePlan(first.layout, other.layout);
  // Only the machine's own process namespace knows both nodes' pids.
  const cable = ["type", "veth", "peer", "name", "eth0", "netns", String(other.initPid)];
  await run(["nsenter", "--target", String(first.initPid), "--net", "ip", "link", "add", plan.port, ...cable]);
  await inOrder(plan.inFirst, (argv) => runInNode(first, argv));
  await inOrder(plan.inOther, (argv) => runInNode(other, argv));
}

/** Runs a program to its end inside a node. */
export function runInNode(node: RunningNode, argv: readonly string[]): Promise<string> {
  return run([...node.enter, ...argv], { env: NODE_ENVIRONMENT, cwd: "/" });
}

/**
 * Everything lands in the node's mount namespace, so it goes with the node's last process. The hidden hierarchies are
 * unmounted, not covered, since the kubelet reads all of /proc/self/mountinfo. The last step lets a pod's
 * bidirectional mounts reach the node and other pods, as on an ordinary machine, but not this one.
 */
export function mountPlan(node: NodeLayout, hierarchies: readonly string[]): string[][] {
  const cgroups = hierarchies.flatMap((name) => [
    ["mkdir", `/sys/fs/cgroup/${name}`],
    ["mount", "-t", "cgroup", "-o", cgroupOption(name), "cgroup", `/sys/fs/cgroup/${name}`],
  ]);
  return [
    // First, since mount(8) itself keeps notes in /run.
    ["mount", "--no-mtab", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"],
    ["umount", "--recursive", "--lazy", "/sys"],
    ["mount", "-t", "sysfs", "sysfs", "/sys"],
    ["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/sys/fs/cgroup"],
    ...cgroups,
    ["mount", "--bind", join(node.dir, "lib"), "/var/lib"],
    ["mount", "--bind", join(node.dir, "log"), "/var/log"],
    ["mount", "--make-rshared", "/"],
    ["hostname", node.name],
  ];
}

function cgroupOption(hierarchy: string): string {
  return hierarchy === "systemd" ? "none,name=systemd" : hierarchy;
}

/** The node's own addresses and routes. There is no way out: what is not in the cluster is unreachable at once, not after a time-out. */
export function networkPlan(node: NodeLayout): string[][] {
  const bridge = [["ip", "link", "add", BRIDGE, "type", "bridge"], ...addressPlan(BRIDGE, node.address)];
  return [
    ["ip", "link", "set", "lo", "up"],
    ...(node.index === 1 ? bridge : []),
    ["sysctl", "-qw", "net.ipv4.ip_forward=1"],
    ...(existsSync("/proc/sys/net/bridge") ? [["sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1"]] : []),
    // Pods keep their address inside the cluster and take the node's towards anything else.
    ["iptables", "-w", "-t", "nat", "-A", "POSTROUTING", "-s", POD_NETWORK, "!", "-d", POD_NETWORK, "-j", "MASQUERADE"],
  ];
}

function addressPlan(device: string, address: string): string[][] {
  return [
    ["ip", "addr", "add", `${address}/${NODE_NETWORK_BITS}`, "dev", device],
    ["ip", "link", "set", device, "up"],
    // A service address needs a route before kube-proxy's rules can rewrite it.
    ["ip", "route", "add", SERVICE_NETWORK, "dev", device, "src", address],
    ["ip", "route", "add", "unreachable", "default"],
  ];
}

/** What both ends of the cable need once it is laid; `port` is its name in node 1. */
export function cablePlan(
  first: NodeLayout,
  other: NodeLayout,
): { readonly port: string; readonly inFirst: string[][]; readonly inOther: string[][] } {
  const port = `to-${other.name}`;
  return {
    port,
    inFirst: [
      ["ip", "link", "set", port, "master", BRIDGE],
      ["ip", "link", "set", port, "up"],
      ["ip", "route", "add", other.podNetwork, "via", other.address],
    ],
    inOther: [...addressPlan("eth0", other.address), ["ip", "route", "add", first.podNetwork, "via", first.address]],
  };
}
