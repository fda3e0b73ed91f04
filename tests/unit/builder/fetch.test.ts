import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DockerImages } from "../../../builder/docker-images.ts";
import { fetchFromPeers, type FetchPorts } from "../../../builder/fetch.ts";
import { namespaceFolders } from "../../../builder/folders.ts";
import { followProgram } from "../../../builder/follow.ts";
import { createImageStore } from "../../../builder/images.ts";
import type { Peers } from "../../../builder/peers.ts";
import { openBuilder } from "../../../core/host/builder-tunnel.ts";
import { runProcess } from "../../../core/host/run-process.ts";
import { messageReader, sendMessage } from "../../../core/wire/messages.ts";
import { createMux } from "../../../core/wire/mux.ts";
import { streamOfSocket } from "../../../core/wire/socket-stream.ts";
import { manualClock } from "../../fakes/clock.ts";
import { CONFIG_DIGEST, fakeBuildctl, LAYER_DIGEST, MANIFEST_DIGEST } from "./fake-buildctl.ts";
import { type LoopbackBuilder, PEER_TOKEN, startBuilder, tokenOf } from "./loopback-builder.ts";

const IMAGE = "azds.local/dev/web:azds-abc123-1";
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
  folder = await mkdtemp(join(tmpdir(), "fetch-"));
});
afterEach(() => rm(folder, { recursive: true }));

function peersOf(builders: readonly LoopbackBuilder[], token = PEER_TOKEN): Peers {
  return {
    // One that is away comes first.
    addresses: () => Promise.resolve(["away", ...builders.keys()].map(String)),
    connect: async (address) => {
      const builder = builders[Number(address)];
      if (builder === undefined) throw new Error("Connection refused");
      const socket = await openBuilder({ builder: builder.address, ca: builder.ca, token });
      return createMux(streamOfSocket(socket), { role: "client" });
    },
  };
}

async function portsOf(peers: Peers): Promise<FetchPorts> {
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
    root: folder,
    peers,
  };
}

/** Takes every archive for one of IMAGE. */
function memoryDocker(archives: Map<string, string>): DockerImages {
  const config = { entrypoint: [], cmd: ["node"], workingDir: "/", user: "", env: [] };
  return {
    find: (image) => Promise.resolve(archives.has(image) ? { digest: "sha256:docker", config } : undefined),
    save: (image) => Promise.resolve(new Blob([archives.get(image) ?? ""]).stream()),
    load: async (archive) => {
      let text = "";
      for await (const bytes of archive) text += new TextDecoder().decode(bytes);
      archives.set(IMAGE, text);
    },
  };
}

const WANTED = { namespace: "dev", image: IMAGE, believeMs: 0, signal: new AbortController().signal };

async function buildAt(builder: LoopbackBuilder): Promise<void> {
  const socket = await openBuilder({ builder: builder.address, ca: builder.ca, token: tokenOf("dev") });
  const mux = createMux(streamOfSocket(socket), { role: "client" });
  const stream = mux.open("build");
  await sendMessage(stream, REQUEST);
  const reader = messageReader(stream);
  while ((await reader.next()) !== undefined);
  await mux.close();
}

describe("fetchFromPeers()", () => {
  test("takes the image from the builder that has it, without what the node has already", async () => {
    await using empty = await startBuilder({ recording: "first-build", exitCode: 0 });
    await using full = await startBuilder({ recording: "first-build", exitCode: 0 });
    await buildAt(full);
    const ports = await portsOf(peersOf([empty, full]));
    expect(await fetchFromPeers(ports)(WANTED)).toBe(true);
    const words = await readFile(join(folder, "words"), "utf8");
    expect(words).toContain(`context:fetched=oci-layout://fetched@${MANIFEST_DIGEST}`);
    expect(words).toContain(`type=image,name=${IMAGE},unpack=true`);
    // Every fake store has the configuration.
    const taken = (await readFile(join(folder, "taken"), "utf8")).trim().split("\n");
    expect(taken.map((name) => `sha256:${name}`)).toEqual([LAYER_DIGEST, MANIFEST_DIGEST]);
    expect(taken).not.toContain(CONFIG_DIGEST);
    const record = await ports.images.find(namespaceFolders(folder, "dev"), IMAGE);
    expect(record).toMatchObject({ image: IMAGE, config: { user: "1000" } });
    expect(await readdir(namespaceFolders(folder, "dev").work)).toEqual([]);
  });

  test("takes it as an archive where both nodes run Docker", async () => {
    const there = memoryDocker(new Map([[IMAGE, "archive of web"]]));
    await using full = await startBuilder({ recording: "first-build", exitCode: 0 }, undefined, there);
    await buildAt(full);
    const kept = new Map<string, string>();
    const ports = { ...(await portsOf(peersOf([full]))), docker: memoryDocker(kept) };
    expect(await fetchFromPeers(ports)(WANTED)).toBe(true);
    expect(kept).toEqual(new Map([[IMAGE, "archive of web"]]));
    const record = await ports.images.find(namespaceFolders(folder, "dev"), IMAGE);
    expect(record).toMatchObject({ image: IMAGE, digest: "sha256:docker" });
  });

  test("does not take an archive from a node with containerd", async () => {
    await using full = await startBuilder({ recording: "first-build", exitCode: 0 });
    await buildAt(full);
    const ports = { ...(await portsOf(peersOf([full]))), docker: memoryDocker(new Map()) };
    expect(fetchFromPeers(ports)(WANTED)).rejects.toThrow();
  });

  test("says so when no builder has it", async () => {
    await using empty = await startBuilder({
      recording: "first-build",
      exitCode: 0,
    });
    expect(await fetchFromPeers(await portsOf(peersOf([empty])))(WANTED)).toBe("no other node has it");
  });

  test("gets nothing with the token of a pod", async () => {
    await using full = await startBuilder({ recording: "first-build", exitCode: 0 });
    await buildAt(full);
    expect(await fetchFromPeers(await portsOf(peersOf([full], tokenOf("dev"))))(WANTED)).toBe("no other node has it");
  });
});
