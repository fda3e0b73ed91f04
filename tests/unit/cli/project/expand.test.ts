import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Expansion, expandText, expandValues, parseDotEnv } from "../../../../cli/project/expand.ts";

const EXPANSION: Expansion = {
  tokens: { tag: "azds-abc123-1", spacePrefix: "alice.s.", rootSpacePrefix: "dev.", hostSuffix: ".azds.localhost" },
  variables: { USER_NAME: "alice", EMPTY: "", TRICK: "$USER_NAME" },
};

describe("expandText()", () => {
  test("puts the tokens of a URL together", () => {
    expect(expandText("$(spacePrefix)$(rootSpacePrefix)web$(hostSuffix)", EXPANSION)).toBe(
      "alice.s.dev.web.azds.localhost",
    );
  });

  test.each([
    ["$USER_NAME/x", "alice/x"],
    ["${USER_NAME}s", "alices"],
    ["${NONE:-fallback}", "fallback"],
    ["${EMPTY:-fallback}", "fallback"],
    ["${EMPTY}", ""],
    ["5 $ and $5", "5 $ and $5"],
  ])("expands %j", (text, expected) => {
    expect(expandText(text, EXPANSION)).toBe(expected);
  });

  test("never expands the value of a variable again", () => {
    expect(expandText("$TRICK", EXPANSION)).toBe("$USER_NAME");
  });

  test("refuses unknown tokens and variables by name", () => {
    expect(() => expandText("$(tga)", EXPANSION)).toThrow("`$(tga)` in azds.yaml is no token");
    expect(() => expandText("$NOT_THERE", EXPANSION)).toThrow("the variable `NOT_THERE` is not set");
  });

  test("leaves text without a dollar sign as it is", () => {
    fc.assert(
      fc.property(fc.string(), (text) => expandText(text.replaceAll("$", ""), EXPANSION) === text.replaceAll("$", "")),
    );
  });
});

describe("expandValues()", () => {
  test("reaches strings in lists and mappings, and leaves numbers", () => {
    expect(expandValues({ hosts: ["$(rootSpacePrefix)web"], port: 80, deep: { tag: "$(tag)" } }, EXPANSION)).toEqual({
      hosts: ["dev.web"],
      port: 80,
      deep: { tag: "azds-abc123-1" },
    });
  });
});

describe("parseDotEnv()", () => {
  test("reads assignments, quotes and exports, and skips the rest", () => {
    expect(parseDotEnv('# c\nA=1\nexport B = two words \nC="q # x"\nD=\nnot a line\n')).toEqual({
      A: "1",
      B: "two words",
      C: "q # x",
      D: "",
    });
  });
});
