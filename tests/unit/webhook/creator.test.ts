import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../core/parse.ts";
import { recordCreator } from "../../../webhook/creator.ts";
import { applyPatch } from "./support/apply-patch.ts";

interface State {
  readonly space?: boolean;
  readonly creator?: string;
}

function namespace({ space = false, creator }: State): JsonObject {
  return {
    metadata: {
      name: "alice",
      ...(space ? { labels: { "azds.io/space": "true" } } : {}),
      ...(creator === undefined ? {} : { annotations: { "azds.io/creator": creator } }),
    },
  };
}

/** The creator that is stored when `username` sends `after` for `before`. */
function stored(username: string, before: State | undefined, after: State): unknown {
  const object = namespace(after);
  const operations = recordCreator({
    uid: "1",
    operation: before === undefined ? "CREATE" : "UPDATE",
    namespace: "alice",
    subResource: "",
    username,
    dryRun: false,
    object,
    oldObject: before === undefined ? undefined : namespace(before),
  });
  const result = applyPatch(object, operations) as { metadata: { annotations?: Record<string, string> } };
  return result.metadata.annotations?.["azds.io/creator"];
}

describe("recordCreator()", () => {
  test("records who creates a space, whatever the object claims", () => {
    expect(stored("ann", undefined, { space: true })).toBe("ann");
    expect(stored("ann", undefined, { space: true, creator: "root" })).toBe("ann");
  });

  test("records who makes an existing namespace a space, also for the second time", () => {
    expect(stored("ann", {}, { space: true })).toBe("ann");
    expect(stored("bob", { creator: "ann" }, { space: true, creator: "ann" })).toBe("bob");
  });

  test("puts the record of a space back", () => {
    const before = { space: true, creator: "ann" };
    expect(stored("bob", before, { space: true, creator: "bob" })).toBe("ann");
    expect(stored("bob", before, { space: true })).toBe("ann");
    expect(stored("bob", before, before)).toBe("ann");
  });

  test("lets nobody claim a space without a record", () => {
    expect(stored("bob", { space: true }, { space: true, creator: "bob" })).toBeUndefined();
  });

  test("leaves namespaces alone that are no space", () => {
    expect(stored("ann", undefined, {})).toBeUndefined();
    expect(stored("ann", { space: true, creator: "ann" }, { creator: "ann" })).toBe("ann");
  });
});
