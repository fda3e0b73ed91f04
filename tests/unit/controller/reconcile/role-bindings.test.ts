import { expect, test } from "bun:test";
import { forestOf, type Space } from "../../../../controller/index/space.ts";
import {
  bindingObject,
  parseBinding,
  planBindings,
  wantedBindings,
  type Binding,
} from "../../../../controller/reconcile/role-bindings.ts";

function wanted(...spaces: readonly Space[]): readonly Binding[] {
  return wantedBindings(spaces, forestOf(spaces));
}

const DEV: Space = { name: "dev", parent: undefined, creator: undefined };
const ALICE: Space = { name: "alice", parent: "dev", creator: "alice@example.com" };
const PART: Space = { name: "part", parent: "alice", creator: "alice@example.com" };

test("wantedBindings() makes the creator developer of the space and viewer of all its ancestors, once each", () => {
  const bindings = wanted(DEV, ALICE, PART);
  expect(bindings.map(({ namespace, role, user }) => [namespace, role, user])).toEqual([
    ["alice", "azds-developer", "alice@example.com"],
    ["dev", "azds-viewer", "alice@example.com"],
    ["part", "azds-developer", "alice@example.com"],
    ["alice", "azds-viewer", "alice@example.com"],
  ]);
  expect(bindings[0]?.name).toBe("azds-developer");
  expect(bindings[1]?.name).toMatch(/^azds-viewer-[0-9a-f]{10}$/);
});

test("wantedBindings() gives viewers of one space different names", () => {
  const bob: Space = { name: "bob", parent: "dev", creator: "bob@example.com" };
  const names = wanted(DEV, ALICE, bob).filter((binding) => binding.namespace === "dev");
  expect(new Set(names.map((binding) => binding.name)).size).toBe(2);
});

test("wantedBindings() wants nothing for a space without a recorded creator", () => {
  expect(wanted(DEV)).toEqual([]);
});

test("bindingObject() and parseBinding() agree for people and for service accounts", () => {
  for (const user of ["alice@example.com", "system:serviceaccount:ci:runner", "system:admin"]) {
    for (const binding of wanted(DEV, { ...ALICE, creator: user }))
      expect(parseBinding(bindingObject(binding))).toEqual(binding);
  }
});

test("bindingObject() names a service account by kind and namespace", () => {
  const [binding] = wanted({ ...DEV, creator: "system:serviceaccount:ci:runner" });
  expect(bindingObject(binding as Binding)).toMatchObject({
    roleRef: { kind: "ClusterRole", name: "azds-developer" },
    subjects: [{ kind: "ServiceAccount", namespace: "ci", name: "runner" }],
  });
});

test("parseBinding() passes over bindings that the controller did not make", () => {
  const ref = { roleRef: { name: "azds-controller" }, subjects: [] };
  expect(parseBinding({ metadata: { namespace: "azds", name: "azds-controller" }, ...ref })).toBeUndefined();
  expect(parseBinding({ metadata: { namespace: "dev", name: "azds-viewer-of-mine" }, ...ref })).toBeUndefined();
});

test("planBindings() does nothing when all is as wanted", () => {
  const bindings = wanted(DEV, ALICE);
  expect(planBindings(bindings, bindings)).toEqual([]);
});

test("planBindings() writes what is missing or names another user, and removes what nobody wants", () => {
  const [developer, viewer] = wanted(DEV, ALICE) as [Binding, Binding];
  const stale = { ...viewer, namespace: "old" };
  const other = { ...developer, user: "mallory@example.com" };
  expect(planBindings([developer, viewer], [other, stale])).toEqual([
    { type: "remove", binding: stale },
    { type: "write", binding: developer },
    { type: "write", binding: viewer },
  ]);
});

test("planBindings() re-makes a binding whose role differs, since a role cannot be edited", () => {
  const [developer] = wanted(DEV, ALICE) as [Binding];
  const wrong = { ...developer, role: "cluster-admin" };
  expect(planBindings([developer], [wrong])).toEqual([
    { type: "remove", binding: wrong },
    { type: "write", binding: developer },
  ]);
});
