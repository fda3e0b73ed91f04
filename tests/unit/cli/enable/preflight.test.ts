import { expect, test } from "bun:test";
import { readNode } from "../../../../cli/enable/nodes.ts";
import { evaluatePreflight, servesAdmissionPolicies, type ClusterFacts } from "../../../../cli/enable/preflight.ts";
import { node } from "./objects.ts";

const GOOD: ClusterFacts = {
  version: { major: 1, minor: 34, text: "v1.34.4" },
  missingRights: [],
  nodes: [readNode(node())],
  meshes: [],
};

function linesOf(facts: ClusterFacts): readonly string[] {
  return evaluatePreflight(facts).events.flatMap((event) =>
    event.type === "check" ? [`${event.status} ${event.name}: ${event.text}`] : [],
  );
}

test("evaluatePreflight() passes a good cluster and shows its nodes", () => {
  const { events, failure } = evaluatePreflight(GOOD);
  expect(failure).toBeUndefined();
  expect(linesOf(GOOD).every((line) => line.startsWith("ok "))).toBe(true);
  expect(events.at(-1)).toMatchObject({ type: "table", rows: [["n1", "yes", "containerd://1.7.0", "buildkit"]] });
});

test("evaluatePreflight() refuses Kubernetes before 1.29", () => {
  const version = { major: 1, minor: 28, text: "v1.28.9" };
  expect(evaluatePreflight({ ...GOOD, version }).failure).toMatchObject({ code: "KUBERNETES_TOO_OLD" });
});

test("evaluatePreflight() says what 1.29 lacks and goes on", () => {
  const facts = { ...GOOD, version: { major: 1, minor: 29, text: "v1.29.0" } };
  expect(evaluatePreflight(facts).failure).toBeUndefined();
  expect(linesOf(facts).join("\n")).toMatch(/warning Admission policies: .*azds-space-creator/);
  expect(servesAdmissionPolicies(facts)).toBe(false);
});

test("evaluatePreflight() names the rights that are missing, and counts those beyond five", () => {
  const right = (resource: string) => ({ verb: "create", group: "apps", resource, namespace: "azds" });
  const { failure } = evaluatePreflight({ ...GOOD, missingRights: ["a", "b", "c", "d", "e", "f"].map(right) });
  expect(failure).toMatchObject({ code: "FORBIDDEN" });
  expect(failure?.message).toContain("`create a.apps in namespace azds`");
  expect(failure?.message).toEndWith("and 1 more");
});

test("evaluatePreflight() keeps the original's words when no node is left", () => {
  const { failure } = evaluatePreflight({ ...GOOD, nodes: [readNode(node({ ready: "False" }))] });
  expect(failure).toMatchObject({ code: "NO_USABLE_NODE" });
  expect(failure?.message).toStartWith("Found no untainted Linux nodes in Ready state on the cluster.");
});

test("evaluatePreflight() warns of nodes that cannot build, and of meshes", () => {
  const nodes = [readNode(node()), readNode(node({ name: "n2", runtime: "docker://20.10" }))];
  const lines = linesOf({ ...GOOD, nodes, meshes: ["Istio"] }).join("\n");
  expect(lines).toContain(
    "warning Image builds: BuildKit on 1 of 2 usable nodes; services cannot be built on n2 (docker://20.10)",
  );
  expect(lines).toContain("warning Service mesh: Istio");
});
