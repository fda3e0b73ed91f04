import { describe, expect, test } from "bun:test";
import {
  buildArgv,
  type BuildPlan,
  findImageArgv,
  listWorkersArgv,
  pullArgv,
  readBlobArgv,
} from "../../../builder/buildctl.ts";

const BUILDCTL = { file: "/tools/buildctl", socket: "/run/buildkitd.sock" };
const PLAN: BuildPlan = {
  request: {
    session: "azds-abc123",
    image: "web:azds-abc123-1",
    tree: "azds-abc123/context",
    dockerfile: "docker/Dockerfile",
    args: {},
    clean: false,
  },
  tree: "/data/dev/trees/azds-abc123/context",
  reference: "azds.local/dev/web:azds-abc123-1",
  namespace: "dev",
  metadataFile: "/data/dev/work/1.json",
  place: "containerd",
  mounts: [],
};

function argv(request: Partial<BuildPlan["request"]> = {}): readonly string[] {
  return buildArgv(BUILDCTL, { ...PLAN, request: { ...PLAN.request, ...request } });
}

/** Values of all options with this name, in order. */
function valuesOf(words: readonly string[], option: string): readonly string[] {
  return words.flatMap((word, index) => (word === option ? [words[index + 1] ?? ""] : []));
}

describe("buildArgv()", () => {
  test("is this command line for the plain case", () => {
    const tree = "/data/dev/trees/azds-abc123/context";
    expect(argv().join(" ")).toBe(
      "/tools/buildctl --addr unix:///run/buildkitd.sock build --progress=rawjson --frontend dockerfile.v0" +
        ` --local context=${tree} --local dockerfile=${tree}` +
        " --opt filename=docker/Dockerfile --opt image-resolve-mode=local --opt build-arg:BUILDKIT_CACHE_MOUNT_NS=dev" +
        " --output type=image,name=azds.local/dev/web:azds-abc123-1,unpack=true --metadata-file /data/dev/work/1.json",
    );
  });

  test("ignores every cache and asks registries for a clean build", () => {
    const words = argv({ clean: true });
    expect(words).toContain("--no-cache");
    expect(valuesOf(words, "--opt")).toContain("image-resolve-mode=pull");
  });

  test("passes target and arguments as single words, whatever they contain", () => {
    const options = valuesOf(argv({ target: "dev", args: { A: "x y,z=1\n--opt", B: "" } }), "--opt");
    expect(options).toContain("target=dev");
    expect(options).toContain("build-arg:A=x y,z=1\n--opt");
    expect(options).toContain("build-arg:B=");
  });

  test("has the last word about the namespace of cache mounts", () => {
    const options = valuesOf(argv({ args: { BUILDKIT_CACHE_MOUNT_NS: "other" } }), "--opt");
    expect(options.at(-1)).toBe("build-arg:BUILDKIT_CACHE_MOUNT_NS=dev");
  });
});

test("images of Docker's store are put out by the exporter that Docker's BuildKit has", () => {
  const words = buildArgv(BUILDCTL, { ...PLAN, place: "docker" });
  expect(valuesOf(words, "--output")).toEqual([`type=moby,name=${PLAN.reference}`]);
});

test("readBlobArgv() and listWorkersArgv() speak to the same socket", () => {
  const start = ["/tools/buildctl", "--addr", "unix:///run/buildkitd.sock", "debug"];
  expect(readBlobArgv(BUILDCTL, "sha256:1")).toEqual([...start, "get", "sha256:1"]);
  expect(listWorkersArgv(BUILDCTL)).toEqual([...start, "workers"]);
});

test("images of a registry are pushed when they are built, and looked for there", () => {
  const reference = "r.test:5000/team/dev/web:azds-abc123-1";
  const pushed = buildArgv(BUILDCTL, { ...PLAN, reference, place: "registry" });
  expect(pushed).toContain(`type=image,name=${reference},unpack=true,push=true`);
  expect(findImageArgv(BUILDCTL, "/f", "pull")).toContain("image-resolve-mode=pull");
  const pulled = pullArgv(BUILDCTL, {
    folder: "/f",
    reference,
    metadataFile: "/f/metadata",
  });
  expect(pulled).toContain("image-resolve-mode=pull");
  expect(pulled.join(" ")).toEndWith(`--output type=image,name=${reference},store=false --metadata-file /f/metadata`);
});
