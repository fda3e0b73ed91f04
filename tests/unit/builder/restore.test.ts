import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../../builder/build.ts";
import { namespaceFolders } from "../../../builder/folders.ts";
import { followProgram } from "../../../builder/follow.ts";
import { createImageStore } from "../../../builder/images.ts";
import { createRestorer, type RestorePorts, type WantedImage } from "../../../builder/restore.ts";
import { noteVersion } from "../../../builder/tree-version.ts";
import { runProcess } from "../../../core/host/run-process.ts";
import { manualClock } from "../../fakes/clock.ts";
import { fakeBuildctl } from "./fake-buildctl.ts";

const IMAGE = "azds.local/dev/web:azds-abc123-1";
const TREE = "azds-abc123/0";
const REQUEST = {
  session: "azds-abc123",
  image: "web:azds-abc123-1",
  tree: TREE,
  dockerfile: "Dockerfile",
  args: {},
  clean: false,
};

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "restore-"));
  await mkdir(join(namespaceFolders(folder, "dev").trees, TREE), { recursive: true });
  await noteVersion(namespaceFolders(folder, "dev"), TREE, { entries: [] });
});
afterEach(() => rm(folder, { recursive: true }));

async function portsOf(part: Partial<RestorePorts> = {}): Promise<RestorePorts> {
  return {
    follow: followProgram,
    run: runProcess,
    clock: manualClock(),
    images: createImageStore(),
    buildctl: await fakeBuildctl(folder, {
      recording: "first-build",
      exitCode: 0,
    }),
    prefix: "azds.local",
    env: { PATH: "/usr/bin:/bin" },
    secretsRoot: join(folder, "secrets"),
    log: () => {},
    root: folder,
    fetch: () => Promise.resolve("no other node has it"),
    ...part,
  };
}

/** The image as an earlier request made it. */
async function built(ports: RestorePorts): Promise<void> {
  const folders = namespaceFolders(folder, "dev");
  const { signal } = new AbortController();
  await build(ports, { request: REQUEST, namespace: "dev", folders, signal, emit: () => Promise.resolve() });
}

const collect = (): Promise<void> => rm(join(folder, "store"));

function wanted(part: Partial<WantedImage> = {}): WantedImage {
  return { namespace: "dev", image: IMAGE, believeMs: 0, signal: new AbortController().signal, ...part };
}

describe("createRestorer()", () => {
  test("finds what is in the store", async () => {
    const ports = await portsOf();
    await built(ports);
    expect(await createRestorer(ports).restore(wanted())).toMatchObject({ how: "here", record: { image: IMAGE } });
  });

  test("builds again what the node collected, from the same sources", async () => {
    const ports = await portsOf();
    await built(ports);
    await collect();
    const restorer = createRestorer(ports);
    expect(await restorer.restore(wanted({ believeMs: 1 }))).toMatchObject({ how: "here" });
    expect(await restorer.restore(wanted())).toMatchObject({ how: "rebuilt" });
    expect(await readFile(join(folder, "words"), "utf8")).toContain(`name=${IMAGE}`);
    expect(await restorer.restore(wanted())).toMatchObject({ how: "here" });
  });

  test("never builds an old image from newer sources", async () => {
    const ports = await portsOf();
    await built(ports);
    await collect();
    const entries = [{ path: "new", kind: "directory", mode: 0o755, size: 0 }] as const;
    await noteVersion(namespaceFolders(folder, "dev"), TREE, { entries });
    const outcome = await createRestorer(ports).restore(wanted());
    expect(outcome).toEqual({
      record: undefined,
      why: "The node removed it, and its sources have changed since; no other node has it",
    });
  });

  test("asks other nodes for what was never built here", async () => {
    const images = createImageStore();
    const config = { entrypoint: [], cmd: ["x"], workingDir: "/", user: "", env: [] };
    const fetch: RestorePorts["fetch"] = async ({ image }) => {
      await images.save(namespaceFolders(folder, "dev"), { image, digest: "sha256:1", config, builtAt: 1 });
      return true;
    };
    const restorer = createRestorer(await portsOf({ images, fetch }));
    expect(await restorer.own(wanted())).toBeUndefined();
    expect(await restorer.restore(wanted())).toMatchObject({ how: "fetched", record: { image: IMAGE } });
  });

  test("says in words that a transfer broke", async () => {
    const ports = await portsOf({ fetch: () => Promise.reject(new Error("reset")) });
    expect(await createRestorer(ports).restore(wanted())).toEqual({
      record: undefined,
      why: "It was not built on this node; taking it from elsewhere failed",
    });
  });

  test("lets one who leaves go, and goes on for the others until the last has left", async () => {
    const asked: AbortSignal[] = [];
    const fetch: RestorePorts["fetch"] = ({ signal }) => {
      asked.push(signal);
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    };
    const restorer = createRestorer(await portsOf({ fetch }));
    const [first, second] = [new AbortController(), new AbortController()];
    const ends = [first, second].map(({ signal }) =>
      restorer.restore(wanted({ signal })).catch((error: unknown) => error),
    );
    while (asked.length < 1) await Bun.sleep(1);
    first.abort(new Error("first left"));
    expect(await ends[0]).toEqual(new Error("first left"));
    expect(asked.map(({ aborted }) => aborted)).toEqual([false]);
    second.abort(new Error("second left"));
    expect(await ends[1]).toEqual(new Error("second left"));
    expect(asked.map(({ aborted }) => aborted)).toEqual([true]);
  });
});
