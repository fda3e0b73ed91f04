import { describe, expect, test } from "bun:test";
import { isTreeName, parseBuildRequest, parseWaitRequest } from "../../../builder/request.ts";

const VALID = {
  session: "azds-abc123",
  image: "web:azds-abc123-1",
  tree: "azds-abc123/context",
  dockerfile: "docker/Dockerfile",
  args: { A: "1" },
  clean: true,
};

describe("parseBuildRequest()", () => {
  test("takes a valid request", () => {
    expect(parseBuildRequest({ ...VALID, target: "dev" })).toEqual({ ...VALID, target: "dev" });
  });

  test("leaves out what is optional", () => {
    const { args: _args, clean: _clean, ...least } = VALID;
    expect(parseBuildRequest(least)).toEqual({ ...least, args: {}, clean: false });
  });

  test.each([
    ["tree", "../../etc"],
    ["tree", "a/../b"],
    ["tree", "a"],
    ["tree", "a/b/c"],
    ["tree", "/a/b"],
    ["dockerfile", "../Dockerfile"],
    ["dockerfile", "a/../../Dockerfile"],
    ["dockerfile", "/etc/passwd"],
    ["dockerfile", ""],
    ["dockerfile", "a\0b"],
    ["image", "web"],
    ["image", "../other/web:1"],
    ["image", "web:1,push=true"],
    ["image", "web:1\n"],
    ["image", "a//b:1"],
    ["image", `${"a".repeat(300)}:1`],
    ["target", ""],
    ["args", { "A=B,c": "1" }],
    ["session", 1],
  ])("refuses %s %p", (name, value) => {
    expect(() => parseBuildRequest({ ...VALID, [name]: value })).toThrow(name);
  });

  test.each(["registry.example.com/team/web:azds-abc123-1", "team/web_api.v2:1.0", "a__b/c--d:T"])(
    "takes the image %s",
    (image) => {
      expect(parseBuildRequest({ ...VALID, image }).image).toBe(image);
    },
  );

  test("refuses what is no mapping", () => {
    expect(() => parseBuildRequest(undefined)).toThrow("build request");
  });
});

describe("parseWaitRequest()", () => {
  test("takes images of the client's namespace", () => {
    const images = ["azds.local/dev/web:1", "azds.local/dev/api:1"];
    expect(parseWaitRequest({ images }, "azds.local/dev/")).toEqual({ images });
  });

  test("refuses images of another namespace, also of one with a longer name", () => {
    const images = ["azds.local/dev-alice/web:1"];
    expect(() => parseWaitRequest({ images }, "azds.local/dev/")).toThrow("another namespace");
  });
});

test("isTreeName() knows two plain folder names only", () => {
  expect(isTreeName("azds-abc123/0")).toBe(true);
  expect(["a/b/c", "a", "./b", "a/..", "A/b", "a/b\n"].filter(isTreeName)).toEqual([]);
});
