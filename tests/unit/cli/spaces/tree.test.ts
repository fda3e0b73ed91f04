import { describe, expect, test } from "bun:test";
import { assert, constantFrom, property, tuple } from "fast-check";
import { describeSpace } from "../../../../cli/spaces/current.ts";
import { checkSpaceName, parseSpacePath } from "../../../../cli/spaces/names.ts";
import {
  ancestorsOf,
  childrenOf,
  isInRing,
  parentOf,
  pathOf,
  readTree,
  type SpaceTree,
} from "../../../../cli/spaces/tree.ts";
import { spaceUrl } from "../../../../cli/spaces/url.ts";

/** `name` → parent; `null`: an ordinary namespace; "": a root. */
function treeOf(spaces: Readonly<Record<string, string | null>>): SpaceTree {
  return readTree(
    Object.entries(spaces).map(([name, parent]) => ({
      metadata: {
        name,
        labels:
          parent === null
            ? {}
            : { "azds.io/space": "true", ...(parent === "" ? {} : { "azds.io/parent-space": parent }) },
      },
    })),
  );
}

const TREE = treeOf({ default: null, dev: "", alice: "dev", test: "alice", lost: "nowhere", under: "default" });

describe("the tree of spaces", () => {
  test("pathOf() runs from the root, through any number of levels", () => {
    expect(pathOf(TREE, "test")).toBe("dev/alice/test");
    expect(pathOf(TREE, "default")).toBe("default");
  });

  test("parentOf() ignores a label that names no space", () => {
    expect(parentOf(TREE, "lost")).toBeUndefined();
    expect(parentOf(TREE, "under")).toBeUndefined();
  });

  test("childrenOf() gives the direct ones", () => {
    expect(childrenOf(TREE, "dev")).toEqual(["alice"]);
  });

  test("describeSpace() gives path, ancestors nearest first, and root", () => {
    expect(describeSpace(TREE, "test")).toEqual({
      name: "test",
      path: "dev/alice/test",
      ancestors: ["alice", "dev"],
      root: "dev",
    });
  });

  test("describeSpace() refuses what is no space and what has no root", () => {
    expect(() => describeSpace(TREE, "default")).toThrow("Namespace `default` is not a dev space");
    expect(() => describeSpace(TREE, "nope")).toThrow("Dev space `nope` does not exist");
    expect(() => describeSpace(treeOf({ a: "b", b: "a" }), "a")).toThrow(
      "The parents of dev space `a` lead back to itself",
    );
  });

  test("walks end whatever the labels say, and no name comes twice", () => {
    const names = ["a", "b", "c", "d", "e"];
    const parents = tuple(...names.map(() => constantFrom<string | null>(null, "", ...names)));
    assert(
      property(parents, (chosen) => {
        const tree = treeOf(Object.fromEntries(names.map((name, index) => [name, chosen[index] ?? null])));
        for (const name of names) {
          const above = ancestorsOf(tree, name);
          expect(new Set([name, ...above]).size).toBe(above.length + 1);
          if (isInRing(tree, name)) expect(parentOf(tree, name)).toBeDefined();
        }
      }),
    );
  });
});

describe("names of spaces", () => {
  test.each(["dev", "a", "a-1", "x".repeat(63)])("%p is one", (name) =>
    expect(() => checkSpaceName(name)).not.toThrow(),
  );
  test.each(["", "A", "a_b", "-a", "a-", "a.b", "x".repeat(64), "ä"])("%p is none", (name) => {
    expect(() => checkSpaceName(name)).toThrow("cannot be the name of a dev space");
  });
  test.each(["azds", "kube-system", "kube-x"])("%p is reserved", (name) =>
    expect(() => checkSpaceName(name)).toThrow("is reserved"),
  );

  test("parseSpacePath() takes the last part as the name", () => {
    expect(parseSpacePath("dev/alice/test")).toEqual({ name: "test", above: ["dev", "alice"] });
    expect(() => parseSpacePath("dev//test")).toThrow();
  });
});

test.each([
  [{ space: "dev", root: "dev", service: "web", suffix: ".azds.localhost" }, "http://dev.web.azds.localhost/"],
  [{ space: "alice", root: "dev", service: "web", suffix: ".x.io", port: 80 }, "http://alice.s.dev.web.x.io/"],
  [
    { space: "alice", root: "dev", service: "web", suffix: ".azds.localhost", port: 8090 },
    "http://alice.s.dev.web.azds.localhost:8090/",
  ],
])("spaceUrl(%j) is %p", (address, url) => expect(spaceUrl(address)).toBe(url));
