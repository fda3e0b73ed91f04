import { expect, test } from "bun:test";
import { namespaceState, planInstall, type NamespaceState } from "../../../../cli/enable/plan.ts";
import { describeRight, rightsToEnable } from "../../../../cli/enable/rights.ts";
import { controlPlane, obsolete } from "../../../../templates/control-plane/control-plane.ts";
import { SETTINGS } from "./settings-sample.ts";

const OBJECTS = controlPlane(SETTINGS);
const kinds = (state: NamespaceState): readonly string[] => planInstall(state, OBJECTS).map(({ kind }) => kind);

test("namespaceState() tells ours from foreign, ending and absent", () => {
  const labels = { "app.kubernetes.io/part-of": "azds", "app.kubernetes.io/version": "0.0.9" };
  expect(namespaceState(undefined, [])).toEqual({ kind: "absent" });
  expect(namespaceState({ metadata: { labels } }, [])).toEqual({ kind: "ours", version: "0.0.9" });
  expect(namespaceState({ metadata: { labels: {} } }, ["pod/a"])).toEqual({ kind: "foreign", contents: ["pod/a"] });
  expect(namespaceState({ metadata: { labels, deletionTimestamp: "2026-01-01T00:00:00Z" } }, [])).toEqual({
    kind: "ending",
  });
});

test("planInstall() removes a foreign namespace only when there is something in it", () => {
  expect(kinds({ kind: "foreign", contents: ["pod/a"] }).slice(0, 2)).toEqual(["remove-foreign", "await-removal"]);
  expect(kinds({ kind: "foreign", contents: [] })).not.toContain("remove-foreign");
  expect(kinds({ kind: "ours", version: "" })).not.toContain("remove-foreign");
  expect(kinds({ kind: "ending" })[0]).toBe("await-removal");
});

test("planInstall() applies every object exactly once: namespace first, workloads after their ground, webhook last", () => {
  const applied = planInstall({ kind: "absent" }, OBJECTS).map((step) => (step.kind === "apply" ? step.objects : []));
  expect(applied.flat().length).toBe(OBJECTS.length);
  expect(new Set(applied.flat()).size).toBe(OBJECTS.length);
  const kindsOf = applied.map((objects) => [...new Set(objects.map(({ kind }) => kind))].toSorted());
  expect(kindsOf[0]).toEqual(["Namespace"]);
  expect(kindsOf[2]).toEqual(["DaemonSet", "Deployment"]);
  expect(kindsOf[3]).toEqual(["MutatingWebhookConfiguration"]);
});

test("rightsToEnable() names each right once, with group and namespace", () => {
  const rights = rightsToEnable(OBJECTS).map(describeRight);
  expect(new Set(rights).size).toBe(rights.length);
  expect(rights).toContain("create deployments.apps in namespace azds");
  expect(rights).toContain("patch mutatingwebhookconfigurations.admissionregistration.k8s.io");
  expect(rights).toContain("list nodes");
});

test("planInstall() takes away last what an earlier run made and this one does without, and only from an installation of ours", () => {
  const gateway = obsolete(SETTINGS);
  expect(gateway.map(({ kind }) => kind)).toContain("IngressClass");
  const upgrade = planInstall({ kind: "ours", version: "0.1.0" }, [], gateway);
  expect(upgrade.at(-1)).toMatchObject({ kind: "remove", objects: gateway });
  expect(planInstall({ kind: "absent" }, [], gateway).some(({ kind }) => kind === "remove")).toBe(false);
  expect(obsolete({ ...SETTINGS, endpoint: "public" })).toEqual([]);
});
