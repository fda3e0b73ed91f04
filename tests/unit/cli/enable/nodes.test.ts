import { expect, test } from "bun:test";
import { clusterDomainOf, containerdOf, readConfigz, readNode } from "../../../../cli/enable/nodes.ts";
import { CONTAINERD_DEFAULTS } from "../../../../templates/control-plane/settings.ts";
import { node } from "./objects.ts";

test("readNode() takes a Ready untainted Linux node with containerd", () => {
  expect(readNode(node())).toMatchObject({ name: "n1", usable: true, reason: "", store: "containerd" });
});

test.each([
  ["not Ready", node({ ready: "False" })],
  ["not Ready", node({ ready: "Unknown" })],
  ["cordoned", node({ spec: { unschedulable: true } })],
  [
    "taint node-role.kubernetes.io/control-plane",
    node({ spec: { taints: [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }] } }),
  ],
  ["windows", node({ os: "windows" })],
  ["processor s390x", node({ architecture: "s390x" })],
])("readNode() says why a node is out: %s", (reason, object) => {
  expect(readNode(object)).toMatchObject({ usable: false, reason });
});

test("readNode() takes a node whose taint only prefers others", () => {
  expect(readNode(node({ spec: { taints: [{ key: "slow", effect: "PreferNoSchedule" }] } })).usable).toBe(true);
});

test.each([
  ["docker://20.10.7", "docker"],
  ["cri-o://1.30.0", "closed"],
])("readNode() knows who can put images into the store of %s", (runtime, store) => {
  expect(readNode(node({ runtime }))).toMatchObject({ store });
});

test("containerdOf() follows the kubelet to the containerd of k3s, and falls back to the usual place", () => {
  const k3s = readConfigz({
    kubeletconfig: {
      containerRuntimeEndpoint: "unix:///run/k3s/containerd/containerd.sock",
      clusterDomain: "example.test",
    },
  });
  expect(containerdOf([readNode(node(), k3s)])).toEqual({
    socket: "/run/k3s/containerd/containerd.sock",
    root: "/var/lib/rancher/k3s/agent/containerd",
  });
  expect(clusterDomainOf([readNode(node(), k3s)])).toBe("example.test");
  expect(containerdOf([readNode(node())])).toEqual(CONTAINERD_DEFAULTS);
  expect(
    containerdOf([readNode(node({ runtime: "cri-o://1.30.0" }), { endpoint: "unix:///var/run/crio/crio.sock" })]),
  ).toEqual(CONTAINERD_DEFAULTS);
});
