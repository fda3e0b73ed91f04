import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, type BuildOptions, type BuildPorts } from "../../../builder/build.ts";
import { namespaceFolders } from "../../../builder/folders.ts";
import { followProgram } from "../../../builder/follow.ts";
import { createImageStore } from "../../../builder/images.ts";
import { noteVersion, readVersion } from "../../../builder/tree-version.ts";
import type { BuildEvent } from "../../../core/builder-protocol.ts";
import { runProcess } from "../../../core/host/run-process.ts";
import { manualClock } from "../../fakes/clock.ts";
import { fakeBuildctl, MANIFEST_DIGEST, type FakeBuildctlOptions } from "./fake-buildctl.ts";

const REFERENCE = "azds.local/dev/web:azds-abc123-1";
const CONFIG = {
  entrypoint: ["/bin/sh", "-c"],
  cmd: ["cat a.txt"],
  workingDir: "/app",
  user: "1000",
  env: ["PATH=/bin"],
};

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "build-"));
  await mkdir(join(namespaceFolders(folder, "dev").trees, "azds-abc123/0"), { recursive: true });
});
afterEach(() => rm(folder, { recursive: true }));

async function portsWith(options: FakeBuildctlOptions): Promise<BuildPorts> {
  return {
    follow: followProgram,
    run: runProcess,
    clock: manualClock(),
    images: createImageStore(),
    buildctl: await fakeBuildctl(folder, options),
    prefix: "azds.local",
    env: { PATH: "/usr/bin:/bin" },
    secretsRoot: join(folder, "secrets"),
  };
}

function optionsFor(events: BuildEvent[], part: Partial<BuildOptions> = {}): BuildOptions {
  return {
    request: {
      session: "azds-abc123",
      image: "web:azds-abc123-1",
      tree: "azds-abc123/0",
      dockerfile: "Dockerfile",
      args: {},
      clean: false,
    },
    namespace: "dev",
    folders: namespaceFolders(folder, "dev"),
    signal: new AbortController().signal,
    emit: async (event) => void events.push(event),
    ...part,
  };
}

describe("build()", () => {
  test("ends with the image and its configuration, and leaves a record", async () => {
    const events: BuildEvent[] = [];
    const ports = await portsWith({ recording: "first-build", exitCode: 0 });
    const options = optionsFor(events);
    expect(await build(ports, options)).toEqual({ type: "done", image: REFERENCE, config: CONFIG, ms: 0 });
    expect(events.some((event) => event.type === "log" && event.text === "one")).toBe(true);
    const record = await ports.images.find(options.folders, REFERENCE);
    expect(record).toMatchObject({ image: REFERENCE, digest: MANIFEST_DIGEST, config: CONFIG });
    // Nothing says what the tree holds, so the image cannot be made again from it.
    expect(record?.source).toBeUndefined();
    expect(await readdir(options.folders.work)).toEqual([]);
  });

  test("notes what it was built from, without the wish for a clean build", async () => {
    const ports = await portsWith({ recording: "first-build", exitCode: 0 });
    const options = optionsFor([]);
    await noteVersion(options.folders, "azds-abc123/0", { entries: [] });
    await build(ports, { ...options, request: { ...options.request, clean: true } });
    const record = await ports.images.find(options.folders, REFERENCE);
    expect(record?.source?.request).toEqual(options.request);
    expect(record?.source?.version).toBe((await readVersion(options.folders, "azds-abc123/0")) ?? "none");
  });

  test("builds the tree of the client's own namespace", async () => {
    await build(await portsWith({ recording: "first-build", exitCode: 0 }), optionsFor([]));
    const words = (await readFile(join(folder, "words"), "utf8")).split("\n");
    expect(words).toContain(`context=${folder}/dev/trees/azds-abc123/0`);
  });

  test("ends with the cause when the build fails, and leaves no record", async () => {
    const events: BuildEvent[] = [];
    const ports = await portsWith({ recording: "failed-run", exitCode: 1 });
    const options = optionsFor(events);
    const last = await build(ports, options);
    expect(last).toMatchObject({ type: "failed", code: "BUILD_FAILED" });
    expect(last.type === "failed" && last.message).toMatch(
      /^Dockerfile:2: `for i in .*` ended with exit code 3\nout 1/,
    );
    expect(await readdir(join(folder, "dev"))).toEqual(["trees", "work"]);
  });

  test("blanks out arguments that look like secrets, in events and in the cause", async () => {
    const events: BuildEvent[] = [];
    const ports = await portsWith({ recording: "failed-run", exitCode: 1 });
    const { request } = optionsFor(events);
    const args = { NPM_TOKEN: "echo out", OTHER: "echo err" };
    const last = await build(ports, optionsFor(events, { request: { ...request, args } }));
    const all = JSON.stringify([...events, last]);
    expect(all).not.toContain("echo out");
    expect(all).toContain("do *** $i; echo err $i");
  });

  test("says that the sources are missing when they were never synced", async () => {
    const ports = await portsWith({ recording: "first-build", exitCode: 0 });
    const { request } = optionsFor([]);
    const last = await build(ports, optionsFor([], { request: { ...request, tree: "azds-abc123/other" } }));
    expect(last).toEqual({
      type: "failed",
      code: "PROTOCOL",
      message: "The builder has no sources `azds-abc123/other`",
    });
  });

  test("says that the builder is not there when buildctl is missing", async () => {
    const ports = await portsWith({ recording: "first-build", exitCode: 0 });
    const last = await build({ ...ports, buildctl: { ...ports.buildctl, file: "/nowhere/buildctl" } }, optionsFor([]));
    expect(last).toMatchObject({ type: "failed", code: "BUILDER_UNAVAILABLE" });
  });

  test("ends buildctl when it is cancelled", async () => {
    const ports = await portsWith({ recording: "first-build", exitCode: 0, sleepSeconds: 60 });
    const cancel = new AbortController();
    const started = Promise.withResolvers<void>();
    const emit: BuildOptions["emit"] = async (event) => {
      if (event.type === "step" && event.name.startsWith("exporting")) started.resolve();
    };
    const running = build(ports, optionsFor([], { signal: cancel.signal, emit }));
    await started.promise;
    cancel.abort(new Error("The client is gone"));
    expect(running).rejects.toThrow("The client is gone");
    await running.catch(() => {});
    const pid = Number(await readFile(join(folder, "pid"), "utf8"));
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  test("ends buildctl when its listener fails", async () => {
    const ports = await portsWith({ recording: "first-build", exitCode: 0, sleepSeconds: 60 });
    const running = build(ports, optionsFor([], { emit: () => Promise.reject(new Error("The stream broke")) }));
    expect(running).rejects.toThrow("The stream broke");
    await running.catch(() => {});
    const pid = Number(await readFile(join(folder, "pid"), "utf8"));
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });
});
