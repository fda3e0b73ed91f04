import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { preparePod, type PrepareOptions } from "../../../../agent/build/main.ts";
import { namespaceFolders } from "../../../../builder/folders.ts";
import { formatBuildConfig } from "../../../../core/build-config.ts";
import { summaryOf } from "../../../../core/edits.ts";
import { openBuilder } from "../../../../core/host/builder-tunnel.ts";
import { systemClock } from "../../../../core/host/clock.ts";
import { scanTree } from "../../../../core/sync/scan.ts";
import { sendTree } from "../../../../core/sync/send.ts";
import { messageReader, sendMessage } from "../../../../core/wire/messages.ts";
import { createMux, type Mux } from "../../../../core/wire/mux.ts";
import { streamOfSocket } from "../../../../core/wire/socket-stream.ts";
import { type LoopbackBuilder, startBuilder, tokenOf } from "../../builder/loopback-builder.ts";
import type { FakeBuildctlOptions } from "../../builder/fake-buildctl.ts";

const REFERENCE = "azds.local/dev/web:azds-abc123-1";
const WORKS: FakeBuildctlOptions = { recording: "first-build", exitCode: 0 };
const FAILS: FakeBuildctlOptions = { recording: "failed-run", exitCode: 1 };
const REQUEST = {
  session: "azds-abc123",
  image: "web:azds-abc123-1",
  tree: "azds-abc123/0",
  dockerfile: "Dockerfile",
  args: {},
  clean: false,
};

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "prepare-"));
  await mkdir(join(folder, "agent/empty"), { recursive: true });
  await mkdir(join(folder, "volume"));
  await writeFile(join(folder, "agent/azds"), "executable", { mode: 0o755 });
  await writeFile(join(folder, "agent/libc.so.6"), "library", { mode: 0o644 });
  await writeFile(join(folder, "token"), `${tokenOf("dev")}\n`);
});
afterEach(() => rm(folder, { recursive: true }));

interface Prepared {
  readonly tunnelPort: Promise<number>;
  readonly done: Promise<void>;
  readonly logged: readonly string[];
  readonly stop: AbortController;
}

function prepare(builder: Pick<LoopbackBuilder, "address" | "ca">, part: Partial<PrepareOptions> = {}): Prepared {
  const { address, ca } = builder;
  const listening = Promise.withResolvers<number>();
  const logged: string[] = [];
  const stop = new AbortController();
  const done = preparePod({
    config: formatBuildConfig({ version: 1, session: "azds-abc123", images: [REFERENCE], builder: address, ca }),
    agentFolder: join(folder, "agent"),
    volume: join(folder, "volume"),
    tokenFile: join(folder, "token"),
    terminationLog: join(folder, "termination-log"),
    port: 0,
    clock: systemClock,
    log: (_level, message) => void logged.push(message),
    signal: stop.signal,
    onListening: listening.resolve,
    ...part,
  });
  return { tunnelPort: listening.promise, done, logged, stop };
}

function configOf({ address, ca }: LoopbackBuilder, edited: number): string {
  const images = [REFERENCE];
  return formatBuildConfig({ version: 1, session: "azds-abc123", images, builder: address, ca, edited });
}

async function overTunnel<T>({ address, ca }: LoopbackBuilder, work: (mux: Mux) => Promise<T>): Promise<T> {
  const mux = createMux(streamOfSocket(await openBuilder({ builder: address, ca, token: tokenOf("dev") })), {
    role: "client",
  });
  try {
    return await work(mux);
  } finally {
    await mux.close();
  }
}

async function buildAt(builder: LoopbackBuilder): Promise<void> {
  expect(await overTunnel(builder, buildOver)).toMatchObject({ type: "done" });
}

/** Builds through the tunnel, as the CLI does; the type of the last event. */
async function buildThrough(port: number): Promise<unknown> {
  const mux = createMux(streamOfSocket(connect({ port, host: "127.0.0.1" })), { role: "client" });
  const last = await buildOver(mux);
  await mux.close();
  return last;
}

async function buildOver(mux: Mux): Promise<unknown> {
  const stream = mux.open("build");
  await sendMessage(stream, REQUEST);
  const reader = messageReader(stream);
  let last: unknown;
  for (let message = await reader.next(); message !== undefined; message = await reader.next()) last = message.head;
  return last;
}

describe("preparePod()", () => {
  test("ends once the image is built through its tunnel, with agent and configuration in the volume", async () => {
    await using builder = await startBuilder(WORKS);
    const pod = prepare(builder);
    expect(await buildThrough(await pod.tunnelPort)).toMatchObject({ type: "done", image: REFERENCE });
    await pod.done;
    const volume = join(folder, "volume");
    expect((await readdir(volume)).toSorted()).toEqual(["azds", "images.json", "libc.so.6"]);
    expect(JSON.parse(await readFile(join(volume, "images.json"), "utf8"))).toMatchObject({
      [REFERENCE]: { entrypoint: ["/bin/sh", "-c"], cmd: ["cat a.txt"] },
    });
    const modes = await Promise.all(["azds", "images.json", "libc.so.6"].map((name) => stat(join(volume, name))));
    expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o755, 0o644, 0o644]);
  });

  test("goes on waiting after a failed build", async () => {
    await using builder = await startBuilder(FAILS);
    const pod = prepare(builder);
    expect(await buildThrough(await pod.tunnelPort)).toMatchObject({ type: "failed", code: "BUILD_FAILED" });
    expect(await readdir(join(folder, "volume"))).not.toContain("images.json");
    const config = { entrypoint: [], cmd: ["x"], workingDir: "/", user: "", env: [] };
    await builder.images.save(namespaceFolders(builder.root, "dev"), {
      image: REFERENCE,
      digest: "sha256:1",
      config,
      builtAt: Date.now(),
    });
    await pod.done;
  });

  test("waits for a builder that comes later, and says once that it is away", async () => {
    const builder = await startBuilder(WORKS);
    await builder[Symbol.asyncDispose]();
    const pod = prepare(builder);
    while (pod.logged.length < 2) await systemClock.sleep(10);
    await systemClock.sleep(400);
    expect(pod.logged).toEqual(["The build tunnel listens", "The builder does not answer; trying again"]);
    pod.stop.abort(new Error("Terminated"));
    expect(pod.done).rejects.toThrow();
    await pod.done.catch(() => {});
  });

  test("rejects by its signal while it waits", async () => {
    await using builder = await startBuilder(WORKS);
    const pod = prepare(builder);
    while (!pod.logged.includes("Waiting for the builder to have the images")) await systemClock.sleep(10);
    pod.stop.abort(new Error("Terminated"));
    expect(pod.done).rejects.toThrow("Terminated");
    await pod.done.catch(() => {});
  });

  test("leaves the edits of the pod's build in the volume, and tells their number", async () => {
    await using builder = await startBuilder(WORKS);
    await buildAt(builder);
    const root = join(folder, "root");
    await mkdir(join(root, "src"), { recursive: true });
    await writeFile(join(root, "src/a.js"), "edited");
    const manifest = await scanTree(root, { ignore: () => false });
    await overTunnel(builder, (mux) => sendTree(mux.open("sync"), { tree: "azds-abc123/edits-1", root, manifest }));
    const pod = prepare(builder, { config: configOf(builder, 1) });
    await pod.done;
    const edits = join(folder, "volume/edits");
    const sha256 = new Bun.CryptoHasher("sha256").update("edited").digest("hex");
    expect((await readdir(edits)).toSorted()).toEqual([sha256, "manifest.json"].toSorted());
    expect(await readFile(join(edits, sha256), "utf8")).toBe("edited");
    expect(JSON.parse(await readFile(join(edits, "manifest.json"), "utf8"))).toEqual(manifest.entries);
    expect(summaryOf(await readFile(join(folder, "termination-log"), "utf8"))).toMatchObject({ edits: 1 });
  });

  test("starts without edits that no builder has, and says so", async () => {
    await using builder = await startBuilder(WORKS);
    await buildAt(builder);
    const pod = prepare(builder, { config: configOf(builder, 1) });
    await pod.done;
    expect(pod.logged).toContain("What was edited in place in earlier pods is with no builder that answers");
    expect(await readdir(join(folder, "volume"))).not.toContain("edits");
    expect(await readFile(join(folder, "termination-log"), "utf8")).toBe("{}");
  });
});
