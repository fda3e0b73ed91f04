import { expect, test } from "bun:test";
import { readNode } from "../../../../cli/enable/nodes.ts";
import {
  evaluatePreflight,
  servesAdmissionPolicies,
  type ClusterFacts,
  type ImageChoice,
} from "../../../../cli/enable/preflight.ts";
import { node } from "./objects.ts";

const GOOD: ClusterFacts = {
  version: { major: 1, minor: 34, text: "v1.34.4" },
  missingRights: [],
  nodes: [readNode(node())],
  meshes: [],
  alwaysPulls: false,
};
const OWN = { image: "azds.local/azds:own", buildkitWorker: "containerd" } as const satisfies ImageChoice;
const REGISTRY = { prefix: "r.test/team", secret: "", pullSecret: "", insecure: false };
const DOCKER = readNode(node({ name: "n3", runtime: "docker://20.10" }));
const CRIO = readNode(node({ name: "n2", runtime: "cri-o://1.30.0" }));

function linesOf(facts: ClusterFacts, choice: ImageChoice = OWN): readonly string[] {
  return evaluatePreflight(facts, choice).events.flatMap((event) =>
    event.type === "check" ? [`${event.status} ${event.name}: ${event.text}`] : [],
  );
}

test("evaluatePreflight() passes a good cluster and shows its nodes", () => {
  const { events, failure } = evaluatePreflight(GOOD, OWN);
  expect(failure).toBeUndefined();
  expect(linesOf(GOOD).every((line) => line.startsWith("ok "))).toBe(true);
  expect(events.at(-1)).toMatchObject({ type: "table", rows: [["n1", "yes", "containerd://1.7.0", "yes", "yes"]] });
});

test("evaluatePreflight() refuses Kubernetes before 1.29", () => {
  const version = { major: 1, minor: 28, text: "v1.28.9" };
  expect(evaluatePreflight({ ...GOOD, version }, OWN).failure).toMatchObject({ code: "KUBERNETES_TOO_OLD" });
});

test("evaluatePreflight() says what 1.29 lacks and goes on", () => {
  const facts = { ...GOOD, version: { major: 1, minor: 29, text: "v1.29.0" } };
  expect(evaluatePreflight(facts, OWN).failure).toBeUndefined();
  expect(linesOf(facts).join("\n")).toMatch(/warning Admission policies: .*azds-space-creator/);
  expect(servesAdmissionPolicies(facts)).toBe(false);
});

test("evaluatePreflight() names the rights that are missing, and counts those beyond five", () => {
  const right = (resource: string) => ({ verb: "create", group: "apps", resource, namespace: "azds" });
  const { failure } = evaluatePreflight({ ...GOOD, missingRights: ["a", "b", "c", "d", "e", "f"].map(right) }, OWN);
  expect(failure).toMatchObject({ code: "FORBIDDEN" });
  expect(failure?.message).toContain("`create a.apps in namespace azds`");
  expect(failure?.message).toEndWith("and 1 more");
});

test("evaluatePreflight() keeps the original's words when no node is left", () => {
  const { failure } = evaluatePreflight({ ...GOOD, nodes: [readNode(node({ ready: "False" }))] }, OWN);
  expect(failure).toMatchObject({ code: "NO_USABLE_NODE" });
  expect(failure?.message).toStartWith("Found no untainted Linux nodes in Ready state on the cluster.");
});

test("evaluatePreflight() warns of meshes", () => {
  expect(linesOf({ ...GOOD, meshes: ["Istio"] }).join("\n")).toContain("warning Service mesh: Istio");
});

test("evaluatePreflight() says why built images stay on the nodes, or go to the registry", () => {
  expect(linesOf(GOOD)).toContain("ok Built images: stay in the nodes' own stores: all 1 usable nodes run containerd");
  expect(linesOf(GOOD, { ...OWN, registry: REGISTRY })).toContain(
    "ok Built images: go to the registry `r.test/team`: as `--registry` named it. BuildKit works in the nodes' containerd",
  );
  expect(linesOf({ ...GOOD, nodes: [DOCKER] }, { ...OWN, buildkitWorker: "docker" })).toContain(
    "ok Built images: stay in the nodes' own stores, and Docker's own BuildKit makes them: all 1 usable nodes run Docker",
  );
  const mixed = { ...GOOD, nodes: [...GOOD.nodes, CRIO] };
  expect(linesOf(mixed, { ...OWN, registry: REGISTRY, buildkitWorker: "oci" })).toContain(
    "ok Built images: go to the registry `r.test/team`: only containerd and Docker let azds put images into their stores, unlike n2 (cri-o://1.30.0). BuildKit works in a store of its own",
  );
});

test.each([
  ["of a runtime whose store is closed", { nodes: [CRIO] }, "unlike n2 (cri-o://1.30.0)"],
  ["of two kinds", { nodes: [...GOOD.nodes, DOCKER] }, "here are both: n1 (containerd://1.7.0), n3 (docker://20.10)"],
  ["that pull everything anew", { alwaysPulls: true }, "(AlwaysPullImages)"],
])("evaluatePreflight() refuses nodes %s without a registry", (_case, facts, words) => {
  const choice = { ...OWN, image: "r.test/azds:1" };
  const { failure } = evaluatePreflight({ ...GOOD, ...facts }, choice);
  expect(failure).toMatchObject({ code: "REGISTRY_NEEDED" });
  expect(failure?.message).toContain(words);
  expect(evaluatePreflight({ ...GOOD, ...facts }, { ...choice, registry: REGISTRY }).failure).toBeUndefined();
});

test("evaluatePreflight() does not mind a runtime of nodes that nothing runs on", () => {
  const tainted = readNode(node({ name: "n2", runtime: "cri-o://1.30.0", spec: { unschedulable: true } }));
  expect(evaluatePreflight({ ...GOOD, nodes: [...GOOD.nodes, tainted] }, OWN).failure).toBeUndefined();
});

test("evaluatePreflight() wants the image of azds in a registry, too, where pods pull everything anew", () => {
  const { failure } = evaluatePreflight({ ...GOOD, alwaysPulls: true }, { ...OWN, registry: REGISTRY });
  expect(failure).toMatchObject({ code: "IMAGE_NOT_AVAILABLE" });
});
