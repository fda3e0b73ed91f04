import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { ancestorsOf, forestOf, spaceOfNamespace, type Space } from "../../../../controller/index/space.ts";
import { space } from "../objects.ts";

function named(name: string, parent?: string): Space {
  return { name, parent, creator: undefined };
}

test("spaceOfNamespace() reads parent and creator", () => {
  expect(spaceOfNamespace(space("alice", { parent: "dev", creator: "alice@example.com" }))).toEqual({
    name: "alice",
    parent: "dev",
    creator: "alice@example.com",
  });
});

test("spaceOfNamespace() refuses namespaces without the label, with another value, and terminating ones", () => {
  expect(spaceOfNamespace({ metadata: { name: "dev" } })).toBeUndefined();
  expect(spaceOfNamespace({ metadata: { name: "dev", labels: { "azds.io/space": "false" } } })).toBeUndefined();
  expect(spaceOfNamespace(space("dev", { terminating: true }))).toBeUndefined();
});

test("forestOf() groups spaces by root over any number of levels", () => {
  const forest = forestOf([named("c", "b"), named("b", "a"), named("a"), named("z")]);
  expect(Object.fromEntries(forest.rootOf)).toEqual({ a: "a", b: "a", c: "a", z: "z" });
  expect(forest.trees.get("a")).toEqual([{ name: "a" }, { name: "b", parent: "a" }, { name: "c", parent: "b" }]);
  expect(forest.trees.get("z")).toEqual([{ name: "z" }]);
});

test("forestOf() makes a space with a missing parent a root", () => {
  expect(forestOf([named("b", "gone")]).trees.get("b")).toEqual([{ name: "b" }]);
});

test("forestOf() cuts a cycle above its first member and keeps what hangs below it", () => {
  const forest = forestOf([named("y", "x"), named("x", "y"), named("child", "y"), named("self", "self")]);
  expect(forest.trees.get("x")).toEqual([{ name: "child", parent: "y" }, { name: "x" }, { name: "y", parent: "x" }]);
  expect(forest.trees.get("self")).toEqual([{ name: "self" }]);
});

test("forestOf() gives every space one tree, parents inside it, and no cycle, whatever the labels say", () => {
  const name = fc.constantFrom("a", "b", "c", "d", "e", "f");
  const spaces = fc.uniqueArray(fc.record({ name, parent: fc.option(name, { nil: undefined }) }), {
    selector: (entry) => entry.name,
  });
  fc.assert(
    fc.property(spaces, (declared) => {
      const forest = forestOf(declared.map((entry) => named(entry.name, entry.parent)));
      const records = [...forest.trees].flatMap(([root, tree]) => tree.map((record) => ({ root, record })));
      expect(records.map(({ record }) => record.name).toSorted()).toEqual(
        declared.map((entry) => entry.name).toSorted(),
      );
      const parents = new Map(
        records.flatMap(({ record }) => (record.parent === undefined ? [] : [[record.name, record.parent]])),
      );
      for (const { root, record } of records) {
        expect(forest.rootOf.get(record.name)).toBe(root);
        expect([record.name, ...ancestorsOf(record.name, parents)].at(-1)).toBe(root);
      }
    }),
  );
});
