import { describe, expect, test } from "bun:test";
import { planRemove } from "../../../../cli/spaces/plan-remove.ts";
import { planSelect, type SelectOutcome, type SelectRequest } from "../../../../cli/spaces/plan-select.ts";
import { readTree } from "../../../../cli/spaces/tree.ts";
import { AzdsError } from "../../../../core/errors.ts";

const TREE = readTree([
  { metadata: { name: "azds" } },
  { metadata: { name: "default" } },
  { metadata: { name: "kube-system" } },
  { metadata: { name: "dev", labels: { "azds.io/space": "true" } } },
  { metadata: { name: "alice", labels: { "azds.io/space": "true", "azds.io/parent-space": "dev" } } },
  { metadata: { name: "gone", labels: { "azds.io/space": "true" } }, status: { phase: "Terminating" } },
]);

function plan(request: Partial<SelectRequest>): SelectOutcome {
  return planSelect(TREE, { agreed: [], ...request });
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof AzdsError) return error.code;
    throw error;
  }
  return "done";
}

describe("planSelect()", () => {
  test("asks for a name among usable namespaces, as paths", () => {
    expect(plan({})).toEqual({ kind: "ask-name", choices: ["default", "dev", "dev/alice"] });
  });

  test("selects a space that exists, by name or by path", () => {
    for (const name of ["alice", "dev/alice"]) {
      expect(plan({ name })).toMatchObject({
        kind: "plan",
        plan: { action: "none", name: "alice", path: "dev/alice" },
      });
    }
  });

  test("asks for the parent of a new space, then makes it", () => {
    expect(plan({ name: "bob" })).toMatchObject({ kind: "ask-parent", name: "bob" });
    expect(plan({ name: "bob", chosenParent: null })).toMatchObject({
      plan: { action: "create", parent: undefined, path: "bob" },
    });
    expect(plan({ name: "bob", chosenParent: "dev/alice" })).toMatchObject({
      plan: { action: "create", parent: "alice", path: "dev/alice/bob" },
    });
  });

  test("takes the parent from the path without asking", () => {
    expect(plan({ name: "dev/bob" })).toMatchObject({ plan: { action: "create", parent: "dev", path: "dev/bob" } });
    expect(plan({ name: "dev/alice/bob" })).toMatchObject({ plan: { parent: "alice", path: "dev/alice/bob" } });
  });

  test("converts a chosen parent that is an ordinary namespace, once agreed", () => {
    const request = { name: "bob", chosenParent: "default" };
    expect(plan(request)).toEqual({ kind: "ask-convert", namespace: "default" });
    expect(plan({ ...request, agreed: ["default"] })).toMatchObject({
      plan: { convertParent: "default", parent: "default" },
    });
  });

  test("converts a namespace once agreed", () => {
    expect(plan({ name: "default" })).toEqual({ kind: "ask-convert", namespace: "default" });
    expect(plan({ name: "dev/default", agreed: ["default"] })).toMatchObject({
      plan: { action: "convert", name: "default", parent: "dev", path: "dev/default" },
    });
  });

  test.each<[Partial<SelectRequest>, string]>([
    [{ name: "A" }, "SPACE_NAME_INVALID"],
    [{ name: "azds" }, "SPACE_NAME_RESERVED"],
    [{ name: "kube-system/x" }, "SPACE_NAME_RESERVED"],
    [{ name: "nope/bob" }, "PARENT_NOT_FOUND"],
    [{ name: "default/bob" }, "PARENT_NOT_FOUND"],
    [{ name: "alice/dev" }, "SPACE_EXISTS"],
    [{ name: "other/alice" }, "SPACE_EXISTS"],
    [{ name: "test/alice/bob" }, "PARENT_NOT_FOUND"],
    [{ name: "bob/bob" }, "SPACE_CYCLE"],
    [{ name: "bob", parent: "bob" }, "SPACE_CYCLE"],
    [{ name: "dev", mustBeNew: true }, "SPACE_EXISTS"],
    [{ name: "dev/bob", parent: "alice" }, "USAGE"],
    [{ name: "gone" }, "SPACE_NOT_FOUND"],
  ])("%j is %s", (request, code) => expect(codeOf(() => plan(request))).toBe(code));

  test("a namespace cannot go below a space that names it as its parent", () => {
    const tree = readTree([
      { metadata: { name: "a" } },
      { metadata: { name: "b", labels: { "azds.io/space": "true", "azds.io/parent-space": "a" } } },
    ]);
    expect(codeOf(() => planSelect(tree, { name: "b/a", agreed: ["a"] }))).toBe("SPACE_CYCLE");
  });

  test("`space create` makes a root without asking", () => {
    expect(plan({ name: "bob", mustBeNew: true })).toMatchObject({ plan: { action: "create", parent: undefined } });
  });
});

describe("planRemove()", () => {
  test.each([
    ["alice", "done"],
    ["dev/alice", "done"],
    ["dev", "SPACE_HAS_CHILDREN"],
    ["default", "SPACE_NOT_FOUND"],
    ["nope", "SPACE_NOT_FOUND"],
    ["x/alice", "SPACE_NOT_FOUND"],
    ["azds", "SPACE_NAME_RESERVED"],
  ])("%p is %s", (name, outcome) =>
    expect(codeOf(() => planRemove(TREE, { name, keepNamespace: false }))).toBe(outcome),
  );

  test("`default` can lose its labels but not be deleted", () => {
    const tree = readTree([{ metadata: { name: "default", labels: { "azds.io/space": "true" } } }]);
    expect(codeOf(() => planRemove(tree, { name: "default", keepNamespace: false }))).toBe("SPACE_PROTECTED");
    expect(codeOf(() => planRemove(tree, { name: "default", keepNamespace: true }))).toBe("done");
  });
});
