import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tmpdir } from "node:os";
import type { Peers } from "../../../builder/peers.ts";
import { namespaceFolders } from "../../../builder/folders.ts";
import { parseBuiltAnswer, parseEditsAnswer } from "../../../core/builder-protocol.ts";
import { editsManifest, editsTree, entriesOf } from "../../../core/edits.ts";
import { openBuilder } from "../../../core/host/builder-tunnel.ts";
import { diskReceiver } from "../../../core/sync/disk-receiver.ts";
import { receiveTree } from "../../../core/sync/receive.ts";
import { scanTree } from "../../../core/sync/scan.ts";
import { sendTree } from "../../../core/sync/send.ts";
import { messageReader, sendMessage } from "../../../core/wire/messages.ts";
import { createMux, type Mux } from "../../../core/wire/mux.ts";
import { streamOfSocket } from "../../../core/wire/socket-stream.ts";
import { type LoopbackBuilder, PEER_TOKEN, startBuilder, tokenOf } from "./loopback-builder.ts";

const TAG = { session: "azds-abc123", build: 4 };
const WORKS = { recording: "first-build", exitCode: 0 } as const;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "edits-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

async function connect({ address, ca }: LoopbackBuilder, token = tokenOf("dev")): Promise<Mux> {
  const socket = await openBuilder({ builder: address, ca, token });
  return createMux(streamOfSocket(socket), { role: "client" });
}

async function withBuilder<T>(builder: LoopbackBuilder, work: (mux: Mux) => Promise<T>, token?: string): Promise<T> {
  const mux = await connect(builder, token);
  try {
    return await work(mux);
  } finally {
    await mux.close();
  }
}

/** One that is away comes first. */
function peersOf(builders: readonly LoopbackBuilder[]): Peers {
  return {
    addresses: () => Promise.resolve(["away", ...builders.keys()].map(String)),
    connect: async (address) => {
      const builder = builders[Number(address)];
      if (builder === undefined) throw new Error("Connection refused");
      return connect(builder, PEER_TOKEN);
    },
  };
}

/** Leaves what `root` holds as the edits of `tag`. */
async function leave(builder: LoopbackBuilder, tag = TAG): Promise<void> {
  const root = join(folder, "root");
  const manifest = editsManifest(new Map(), entriesOf(await scanTree(root, { ignore: () => false })));
  await withBuilder(builder, (mux) => sendTree(mux.open("sync"), { tree: editsTree(tag), root, manifest }));
}

async function ask(
  builder: LoopbackBuilder,
  {
    name = "edits",
    token,
    ...query
  }: { name?: "edits" | "built"; token?: string; peers?: boolean; namespace?: string; build?: number } = {},
): Promise<unknown> {
  return withBuilder(
    builder,
    async (mux) => {
      const stream = mux.open(name);
      await sendMessage(stream, { ...TAG, peers: true, ...query });
      const answer = await messageReader(stream).next();
      await stream.end();
      return answer?.head;
    },
    token,
  );
}

/** As a pod takes them; a file of the edits. */
async function take(builder: LoopbackBuilder, path: string): Promise<string> {
  await withBuilder(builder, async (mux) => {
    const stream = mux.open("edits");
    await sendMessage(stream, { ...TAG, peers: true });
    expect(parseEditsAnswer((await messageReader(stream).next())?.head)).toBeDefined();
    await sendMessage(stream, { take: true });
    await receiveTree(stream, diskReceiver({ blobs: join(folder, "blobs"), trees: join(folder, "trees") }));
  });
  return readFileSync(join(folder, "trees", editsTree(TAG), path), "utf8");
}

async function buildAt(builder: LoopbackBuilder): Promise<void> {
  const root = join(folder, "root");
  const manifest = await scanTree(root, { ignore: () => false });
  await withBuilder(builder, async (mux) => {
    await sendTree(mux.open("sync"), { tree: "azds-abc123/0", root, manifest });
    const stream = mux.open("build");
    await sendMessage(stream, {
      session: TAG.session,
      image: `web:${TAG.session}-${TAG.build}`,
      tree: "azds-abc123/0",
      dockerfile: "Dockerfile",
      args: {},
      clean: false,
    });
    const reader = messageReader(stream);
    while ((await reader.next()) !== undefined);
  });
}

describe("edits", () => {
  test("are what was left there, for that build and namespace alone", async () => {
    await using builder = await startBuilder(WORKS);
    write("root/src/a.js", "edited");
    await leave(builder);
    expect(await ask(builder)).toMatchObject({ edits: 1, id: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(await take(builder, "src/a.js")).toBe("edited");
    expect(await ask(builder, { build: 5 })).toEqual({});
    expect(await ask(builder, { token: tokenOf("other") })).toEqual({});
    expect(await ask(builder, { token: tokenOf("other"), namespace: "dev" })).toEqual({});
  });

  test("are taken over from the builder that has the newest", async () => {
    await using old = await startBuilder(WORKS);
    await using recent = await startBuilder(WORKS);
    await using mine = await startBuilder(WORKS, peersOf([recent, old]));
    write("root/a.js", "old");
    await leave(old);
    const manifest = join(namespaceFolders(old.root, "dev").manifests, "azds-abc123~edits-4.json");
    utimesSync(manifest, 1000, 1000);
    write("root/a.js", "recent");
    await leave(recent);
    expect(await ask(mine, { peers: false })).toEqual({});
    expect(await take(mine, "a.js")).toBe("recent");
    // From now on it has them itself, as old as they were.
    expect(await ask(mine, { peers: false })).toEqual(await ask(recent, { peers: false }));
  });

  test("of this node stay when those of the others are older", async () => {
    await using old = await startBuilder(WORKS);
    await using mine = await startBuilder(WORKS, peersOf([old]));
    write("root/a.js", "old");
    await leave(old);
    utimesSync(join(namespaceFolders(old.root, "dev").manifests, "azds-abc123~edits-4.json"), 1000, 1000);
    write("root/a.js", "mine");
    await leave(mine);
    expect(await take(mine, "a.js")).toBe("mine");
  });
});

describe("built", () => {
  test("is what an image was made from, whatever the tree holds by now, also at another builder", async () => {
    await using builder = await startBuilder(WORKS);
    await using other = await startBuilder(WORKS, peersOf([builder]));
    write("root/a.js", "built");
    await buildAt(builder);
    const built = await scanTree(join(folder, "root"), { ignore: () => false });
    write("root/a.js", "changed");
    await leave(builder);
    await withBuilder(builder, async (mux) => {
      const root = join(folder, "root");
      const manifest = await scanTree(root, { ignore: () => false });
      await sendTree(mux.open("sync"), { tree: "azds-abc123/0", root, manifest });
    });
    for (const each of [builder, other]) {
      const answer = parseBuiltAnswer(await ask(each, { name: "built" }));
      expect(answer?.entries).toEqual(built.entries);
    }
    expect(await ask(other, { name: "built", peers: false })).toHaveProperty("entries");
    expect(await ask(builder, { name: "built", build: 3 })).toEqual({});
  });
});
