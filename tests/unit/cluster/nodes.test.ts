import { expect, test } from "bun:test";
import { clusterLayout, nodeLayout } from "../../cluster/layout.ts";
import { cablePlan, mountPlan, networkPlan } from "../../cluster/nodes.ts";

const cluster = clusterLayout("/checkout/.cluster", "/cache");
const [first, second] = [nodeLayout(cluster, 1), nodeLayout(cluster, 2)];

test("mountPlan() shares mounts last, so that none of the node's own is left out", () => {
  const plan = mountPlan(first, ["pids", "systemd"]).map((argv) => argv.join(" "));
  expect(plan).toContain("mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd");
  const shared = plan.indexOf("mount --make-rshared /");
  expect(plan.slice(shared).filter((line) => line.startsWith("mount"))).toEqual(["mount --make-rshared /"]);
});

test("networkPlan() gives only node 1 the bridge", () => {
  const bridges = [first, second].map((node) => networkPlan(node).filter((argv) => argv.includes("bridge")).length);
  expect(bridges).toEqual([1, 0]);
});

test("cablePlan() routes each node's pods to the other node", () => {
  const plan = cablePlan(first, second);
  expect(plan.inFirst).toContainEqual(["ip", "route", "add", "10.244.1.0/24", "via", "10.200.0.2"]);
  expect(plan.inOther).toContainEqual(["ip", "route", "add", "10.244.0.0/24", "via", "10.200.0.1"]);
});
