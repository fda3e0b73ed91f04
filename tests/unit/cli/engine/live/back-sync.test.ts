/** The CLI's side against the agent's own: one folder as the container's, one as the developer's. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { sendBack } from "../../../../../agent/host/back/send-back.ts";
import { LiveTree } from "../../../../../agent/host/live-tree.ts";
import { BackSync } from "../../../../../cli/engine/live/back-sync.ts";
import { SYNC_TREE } from "../../../../../core/agent-protocol.ts";
import { systemClock } from "../../../../../core/host/clock.ts";
import { followBack } from "../../../../../core/sync/back.ts";
import type { Manifest } from "../../../../../core/sync/manifest.ts";
import { receiveTree } from "../../../../../core/sync/receive.ts";
import { scanTree } from "../../../../../core/sync/scan.ts";
import { sendChanges } from "../../../../../core/sync/send-changes.ts";
import { sendTree } from "../../../../../core/sync/send.ts";
import type { Event } from "../../../../../cli/engine/events.ts";
import { memoryPair } from "../../../../fakes/memory-stream.ts";

const GLOBS = ["package-lock.json", "gen/**"];

let folder: string;
let events: Event[];

const here = (path: string): string => join(folder, "here", path);
const there = (path: string): string => join(folder, "there", path);

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "azds-back-"));
  mkdirSync(here(""));
  mkdirSync(there(""));
  events = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A container that runs since `startedAt`, and connections to it. */
async function container(
  startedAt = 0,
): Promise<{ readonly tree: LiveTree; readonly connect: (pod?: string) => Connection }> {
  const tree = new LiveTree({ target: there(""), say: async () => undefined });
  await tree.restore();
  return { tree, connect: (pod = "web-1") => connectTo(tree, pod, startedAt) };
}

interface Connection {
  readonly join: (back: BackSync, image?: Manifest) => Promise<void>;
  readonly cut: () => void;
}

function connectTo(tree: LiveTree, pod: string, startedAt: number): Connection {
  const closed = Promise.withResolvers<void>();
  return {
    join: async (back, image) =>
      back.join({
        pod,
        image: () => image,
        client: {
          closed: closed.promise,
          followBack: async (globs, taker) => {
            const [ours, theirs] = memoryPair();
            void closed.promise.then(() => ours.abort());
            sendBack(theirs, { tree, startedAt, clock: systemClock }).catch((error: unknown) =>
              theirs.abort(error instanceof Error ? error : undefined),
            );
            return followBack(ours, globs, taker);
          },
        },
      }),
    cut: () => closed.resolve(),
  };
}

async function backSync(): Promise<BackSync> {
  const fixed = await scanTree(here(""), { ignore: () => false });
  const tree = { root: here(""), fixed: () => ({ entries: fixed.entries.filter(({ kind }) => kind === "file") }) };
  return new BackSync({
    tree,
    globs: GLOBS,
    conflicts: join(folder, "conflicts"),
    emit: (event) => events.push(event),
  });
}

async function syncForth(tree: LiveTree): Promise<void> {
  const [sender, receiver] = memoryPair();
  const manifest = await scanTree(here(""), { ignore: () => false });
  await Promise.all([
    receiveTree(receiver, tree.receiver),
    sendTree(sender, { tree: SYNC_TREE, root: here(""), manifest }),
  ]);
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(5);
}

const texts = (): readonly string[] => events.flatMap((event) => ("text" in event ? [event.text] : []));

test("what is there at the connection comes before it resolves; what is made later follows; deletions do not", async () => {
  const { connect } = await container();
  write(there("package-lock.json"), "{}");
  write(there("gen/deep/a.ts"), "a");
  write(there("server.js"), "not named");
  const back = await backSync();
  const connection = connect();
  await connection.join(back);
  expect(readFileSync(here("package-lock.json"), "utf8")).toBe("{}");
  expect(readFileSync(here("gen/deep/a.ts"), "utf8")).toBe("a");
  expect(existsSync(here("server.js"))).toBe(false);
  rmSync(there("gen/deep/a.ts"));
  write(there("gen/new/b.ts"), "b");
  await until(() => existsSync(here("gen/new/b.ts")));
  write(there("gen/new/b.ts"), "b2");
  await until(() => readFileSync(here("gen/new/b.ts"), "utf8") === "b2");
  expect(existsSync(here("gen/deep/a.ts"))).toBe(true);
  expect(texts()).toEqual([
    expect.stringMatching(/^`\S+` and 1 more came from pod `web-1`$/),
    "`gen/new/b.ts` came from pod `web-1`",
    "`gen/new/b.ts` came from pod `web-1`",
  ]);
  expect(readdirSync(here("gen/new"))).toEqual(["b.ts"]);
  connection.cut();
});

test("what came is no save, until the developer changes it", async () => {
  const { connect } = await container();
  write(there("package-lock.json"), "{}");
  const back = await backSync();
  const connection = connect();
  await connection.join(back);
  expect(back.isReturned("package-lock.json")).toBe(true);
  write(here("package-lock.json"), "[]");
  expect(back.isReturned("package-lock.json")).toBe(false);
  connection.cut();
});

test("what was synced there does not come back, and what came is not written there again when it is synced", async () => {
  const { tree, connect } = await container();
  write(here("package-lock.json"), "one");
  await syncForth(tree);
  const back = await backSync();
  const connection = connect();
  await connection.join(back);
  expect(events).toEqual([]);
  write(there("package-lock.json"), "two");
  await until(() => readFileSync(here("package-lock.json"), "utf8") === "two");
  const { ino } = statSync(there("package-lock.json"));
  const [sender, receiver] = memoryPair();
  const { entries } = await scanTree(here(""), { ignore: () => false });
  const change = { tree: SYNC_TREE, root: here(""), base: tree.revision, write: entries, remove: [] };
  const [result] = await Promise.all([sendChanges(sender, change), receiveTree(receiver, tree.receiver)]);
  expect(result).toMatchObject({ kind: "committed", written: 0, failed: [] });
  expect(statSync(there("package-lock.json")).ino).toBe(ino);
  expect(tree.tracked.get("package-lock.json")?.entry.sha256).toBe(entries[0]?.sha256);
  connection.cut();
});

test("both sides have changed it: the developer's stays, the container's is kept elsewhere, and it is told once", async () => {
  const { tree, connect } = await container();
  write(here("package-lock.json"), "one");
  await syncForth(tree);
  const back = await backSync();
  write(here("package-lock.json"), "mine");
  write(there("package-lock.json"), "theirs");
  const connection = connect();
  await connection.join(back);
  connection.cut();
  await Bun.sleep(0);
  await connect().join(back);
  expect(readFileSync(here("package-lock.json"), "utf8")).toBe("mine");
  const kept = join(folder, "conflicts", "package-lock.json");
  expect(readFileSync(kept, "utf8")).toBe("theirs");
  expect(texts()).toEqual([
    `\`package-lock.json\` is another one here than in pod \`web-1\`, and yours stays; the container's is in \`${kept}\`: save into yours what you want of it`,
  ]);
});

test("a file of the image that the container changed comes where the developer has left it", async () => {
  write(here("package-lock.json"), "image's");
  write(there("package-lock.json"), "changed there");
  const { connect } = await container();
  await connect().join(await backSync());
  expect(readFileSync(here("package-lock.json"), "utf8")).toBe("changed there");
});

test("nothing is written through a symlink", async () => {
  mkdirSync(join(folder, "outside"));
  symlinkSync(join(folder, "outside"), here("gen"));
  symlinkSync(join(folder, "outside/lock"), here("package-lock.json"));
  write(there("gen/a.ts"), "a");
  write(there("package-lock.json"), "{}");
  const { connect } = await container();
  await connect().join(await backSync());
  expect(readdirSync(join(folder, "outside"))).toEqual([]);
  expect(texts().toSorted()).toEqual([
    "`gen/a.ts` of pod `web-1` does not come back: `gen` is a symlink here",
    "`package-lock.json` of pod `web-1` does not come back: it is a symlink here",
  ]);
});

test("equal contents come under each of their names", async () => {
  write(there("gen/a.ts"), "same");
  write(there("gen/b.ts"), "same");
  write(there("gen/empty.ts"), "");
  const { connect } = await container();
  await connect().join(await backSync());
  expect(["a", "b", "empty"].map((name) => readFileSync(here(`gen/${name}.ts`), "utf8"))).toEqual(["same", "same", ""]);
});

test("a large file comes whole", async () => {
  const text = "0123456789abcdef".repeat(200_000);
  write(there("gen/large.bin"), text);
  const { connect } = await container();
  await connect().join(await backSync());
  expect(readFileSync(here("gen/large.bin"), "utf8") === text).toBe(true);
});

test("of several pods the first is the source, which is told; when it goes, the next takes over", async () => {
  const { connect } = await container();
  const back = await backSync();
  const [first, second] = [connect("web-1"), connect("web-2")];
  await first.join(back);
  await second.join(back);
  expect(texts()).toEqual(["`container.syncBack` takes files from pod `web-1` alone; those of other pods stay there"]);
  first.cut();
  write(there("gen/a.ts"), "a");
  await until(() => texts().includes("`gen/a.ts` came from pod `web-2`"));
  second.cut();
});

test("a file that cannot be written is told, and the others come", async () => {
  write(here("gen/a"), "a file where the container has a folder");
  write(there("gen/a/b.ts"), "b");
  write(there("gen/c.ts"), "c");
  const { connect } = await container();
  await connect().join(await backSync());
  expect(readFileSync(here("gen/c.ts"), "utf8")).toBe("c");
  expect(texts()).toContain("`gen/a/b.ts` of pod `web-1` does not come back: `gen/a` is no folder here");
});
