import { expect, test } from "bun:test";
import { clusterLayout, nodeLayout, preferredApiPort, requireVisibleInNodes } from "../../cluster/layout.ts";

test("clusterLayout() gives two state folders different names on the machine", () => {
  const [one, other] = ["/a/.cluster", "/b/.cluster"].map((dir) => clusterLayout(dir, "/cache"));
  expect(one?.cgroup).toMatch(/^azds-[0-9a-f]{8}$/);
  expect(one?.cgroup).not.toBe(other?.cgroup ?? "");
});

test("clusterLayout() gives one state folder the same names always", () => {
  expect(clusterLayout("/a/b/../.cluster", "/cache").id).toBe(clusterLayout("/a/.cluster", "/cache").id);
});

test("nodeLayout() gives each node its own addresses below the cluster's cgroup", () => {
  const cluster = clusterLayout("/a/.cluster", "/cache");
  const node = nodeLayout(cluster, 2);
  expect(node).toEqual({
    name: "node2",
    index: 2,
    address: "10.200.0.2",
    podNetwork: "10.244.1.0/24",
    cgroup: `${cluster.cgroup}/node2`,
    dir: "/a/.cluster/node2",
  });
});

test("preferredApiPort() is a port anyone may listen on, below the ephemeral ones", () => {
  const ports = Array.from({ length: 50 }, (_, index) =>
    preferredApiPort(clusterLayout(`/checkout-${index}`, "/cache")),
  );
  expect(Math.min(...ports)).toBeGreaterThanOrEqual(20_000);
  expect(Math.max(...ports)).toBeLessThan(30_000);
});

test("requireVisibleInNodes() refuses folders that nodes see differently", () => {
  expect(() => requireVisibleInNodes("/var/lib/checkout/.cluster")).toThrow("/var/lib");
  expect(() => requireVisibleInNodes("/run")).toThrow("/run");
  expect(() => requireVisibleInNodes("/runner/.cluster")).not.toThrow();
});
