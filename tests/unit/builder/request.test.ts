import { describe, expect, test } from "bun:test";
import { isTreeName, namespaceOfImage, parseBuildRequest, parseWaitRequest } from "../../../builder/request.ts";

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

const HOME = { prefix: "azds.local", namespace: "dev" };

describe("parseWaitRequest()", () => {
  test("takes images of the client's namespace", () => {
    const images = ["azds.local/dev/web:1", "azds.local/dev/team/api:1"];
    expect(parseWaitRequest({ images }, HOME)).toEqual({ images, news: false });
    expect(parseWaitRequest({ images, news: true }, HOME).news).toBe(true);
  });

  test.each([
    "azds.local/dev-alice/web:1",
    "azds.local/dev/web:1\nRUN x",
    "azds.local/dev/../x:1",
    "azds.local/dev/web",
  ])("refuses %p", (image) => {
    expect(() => parseWaitRequest({ images: [image] }, HOME)).toThrow("is not one of namespace `dev`");
  });
});

test("namespaceOfImage() is undefined for what is no image of ours", () => {
  expect(namespaceOfImage("azds.local", "azds.local/dev/web:1")).toBe("dev");
  const others = ["azds.local/../web:1", "azds.local/a.b/web:1", "docker.io/dev/web:1", "azds.local/azds:1", ""];
  expect(others.map((image) => namespaceOfImage("azds.local", image))).toEqual(others.map(() => undefined));
});

test("namespaceOfImage() knows images of a registry by all that comes before the namespace", () => {
  const of = (image: string): string | undefined => namespaceOfImage("r.test:5000/dev/team", image);
  expect(of("r.test:5000/dev/team/alice/web:1")).toBe("alice");
  expect(
    ["r.test:5000/dev/alice/web:1", "r.test:5000/dev/teams/alice/web:1", "azds.local/alice/web:1"].map(of),
  ).toEqual([undefined, undefined, undefined]);
});

test("isTreeName() knows two plain folder names only", () => {
  expect(isTreeName("azds-abc123/0")).toBe(true);
  expect(["a/b/c", "a", "./b", "a/..", "A/b", "a/b\n"].filter(isTreeName)).toEqual([]);
});
