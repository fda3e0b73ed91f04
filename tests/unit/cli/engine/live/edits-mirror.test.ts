import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { BuilderClient } from "../../../../../cli/engine/build/builder-client.ts";
import { EditsMirror } from "../../../../../cli/engine/live/edits-mirror.ts";
import type { Event } from "../../../../../cli/engine/events.ts";
import { podView, type PodView } from "../../../../../cli/engine/pods/pod-view.ts";
import { acquireSession, findSession } from "../../../../../cli/engine/session-store.ts";
import { readSourceTree, type SourceTree } from "../../../../../cli/engine/live/source-tree.ts";
import { loadProject } from "../../../../../cli/project/load.ts";
import { readEdits } from "../../../../../core/edits.ts";
import {
  MIRROR_DELAY_MS,
  MIRROR_FINISH_MS_MAX,
  MIRROR_PAUSE_MS,
  MIRROR_RECORD_MS,
} from "../../../../../core/limits.ts";
import type { SessionEdits } from "../../../../../core/session.ts";
import type { Manifest } from "../../../../../core/sync/manifest.ts";
import { type ManualClock, manualClock, settle } from "../../../../fakes/clock.ts";
import { type FakeKube, fakeKube } from "../../../../fakes/kube.ts";

const KEY = { space: "alice", service: "web", release: "azds-web" };

let folder: string;
let tree: SourceTree;
let built: Manifest | undefined;
let kube: FakeKube;
let clock: ManualClock;
let events: Event[];
let pods: PodView[];
/** What the builder was sent, and how often it was connected to; a failure is thrown once each. */
let sent: Manifest[];
let connections: number;
let failures: Error[];
/** Held back until it is called. */
let release: (() => void) | undefined;
let holds: boolean;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

async function save(path: string, text: string): Promise<void> {
  write(path, text);
  await tree.update([path]);
}

function client(): BuilderClient {
  connections += 1;
  return {
    sync: async ({ manifest }) => {
      const failure = failures.pop();
      if (failure !== undefined) throw failure;
      if (holds)
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      sent.push(manifest);
      return { files: 1, bytesSent: 1, deleted: 0, failed: [], ms: 1 };
    },
    space: async () => "",
    build: async () => "",
    built: async () => built,
    edits: async () => ({ edits: 1, id: `id-${sent.length}`, at: 1 }),
    close: async () => undefined,
  };
}

async function newMirror(): Promise<EditsMirror> {
  const holder = { owner: "a@b", pid: 7, processAlive: () => true };
  const session = await acquireSession(kube, KEY, { holder, takeOver: false, clock });
  pods = [podOf(session.id, 4)];
  return new EditsMirror({
    kube,
    session,
    watch: { pods: () => pods },
    emit: (event) => void events.push(event),
    clock,
    open: async () => client(),
  });
}

function podOf(session: string, build: number): PodView {
  return podView({
    metadata: { name: `web-${build}`, uid: `uid-${build}`, namespace: "alice" },
    spec: {
      nodeName: "n1",
      containers: [
        { name: "devspaces-proxy", image: "azds" },
        { name: "web", image: `web:${session}-${build}` },
      ],
    },
    status: { phase: "Running", containerStatuses: [{ name: "devspaces-proxy", state: { running: {} } }] },
  });
}

async function record(): Promise<SessionEdits | undefined> {
  return (await findSession(kube, KEY))?.edits;
}

function warnings(): readonly string[] {
  return events.flatMap((event) => (event.type === "message" && event.level === "warning" ? [event.text] : []));
}

function written(): readonly (readonly string[])[] {
  return sent.map((manifest) => readEdits(manifest).written.map(({ path }) => path));
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "azds-mirror-"));
  write(
    "azds.yaml",
    "install:\n  chart: charts/web\nconfigurations:\n  develop:\n    container:\n      sync: ['!**/*.lock']\n",
  );
  write("charts/web/Chart.yaml", "name: web\n");
  write("Dockerfile", "FROM scratch\n");
  write("a.js", "1");
  write("b.js", "1");
  tree = await readSourceTree(loadProject(folder), new AbortController().signal);
  built = tree.buildSource("azds-abc123").manifest;
  [kube, clock, events, sent, connections, failures, holds] = [fakeKube(), manualClock(), [], [], 0, [], false];
  release = undefined;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("EditsMirror", () => {
  test("leaves nothing and writes no record while nothing differs from the image", async () => {
    const mirror = await newMirror();
    mirror.brought(tree, ["uid-4"]);
    await clock.advance(MIRROR_DELAY_MS);
    await mirror.finish();
    expect(sent).toEqual([]);
    expect(await record()).toBeUndefined();
  });

  test("leaves what differs from the image, and tells of it in the session's record", async () => {
    const mirror = await newMirror();
    await save("a.js", "2");
    mirror.brought(tree, ["uid-4"]);
    await clock.advance(MIRROR_DELAY_MS);
    expect(written()).toEqual([["a.js"]]);
    // A pod that starts now asks for edits, although their identity is told a little later.
    expect(await record()).toMatchObject({ build: 4, edits: 1, id: "", pods: ["uid-4"] });
    await clock.advance(MIRROR_RECORD_MS + MIRROR_PAUSE_MS);
    expect(await record()).toEqual({ build: 4, edits: 1, id: "id-1", nodes: ["n1"], pods: ["uid-4"] });
    await mirror.finish();
  });

  test("several saves during one go along with the next, over the same connection", async () => {
    const mirror = await newMirror();
    holds = true;
    await save("a.js", "2");
    mirror.brought(tree, ["uid-4"]);
    await clock.advance(MIRROR_DELAY_MS);
    for (const text of ["3", "4"]) {
      await save("b.js", text);
      mirror.brought(tree, ["uid-4"]);
    }
    holds = false;
    release?.();
    await settle();
    expect(sent).toHaveLength(1);
    await clock.advance(MIRROR_PAUSE_MS);
    expect(written()).toEqual([["a.js"], ["a.js", "b.js"]]);
    expect(connections).toBe(1);
    await mirror.finish();
    expect(await record()).toMatchObject({ edits: 2, id: "id-2" });
  });

  test("edits that were taken back are taken back there, too", async () => {
    const mirror = await newMirror();
    for (const text of ["2", "1"]) {
      await save("a.js", text);
      mirror.brought(tree, ["uid-4"]);
      await clock.advance(MIRROR_DELAY_MS);
      await clock.advance(MIRROR_PAUSE_MS);
    }
    await mirror.finish();
    expect(written()).toEqual([["a.js"], []]);
    expect(await record()).toMatchObject({ edits: 0 });
  });

  test("without knowledge of the build everything that lives in the container goes", async () => {
    const mirror = await newMirror();
    built = undefined;
    mirror.brought(tree, ["uid-4"]);
    await clock.advance(MIRROR_DELAY_MS);
    expect(written()).toEqual([["a.js", "b.js", "charts"]]);
    await mirror.finish();
  });

  test("a connection that died is made anew without a word; what still fails is told once and tried at the end", async () => {
    const mirror = await newMirror();
    await save("a.js", "2");
    mirror.brought(tree, ["uid-4"]);
    await clock.advance(MIRROR_DELAY_MS);
    await clock.advance(MIRROR_RECORD_MS + MIRROR_PAUSE_MS);
    failures = [new Error("cut")];
    await save("a.js", "3");
    mirror.brought(tree, ["uid-4"]);
    await clock.advance(MIRROR_DELAY_MS);
    expect([sent.length, connections, warnings().length]).toEqual([2, 2, 0]);
    await clock.advance(MIRROR_RECORD_MS + MIRROR_PAUSE_MS);
    for (const text of ["4", "5"]) {
      failures = [new Error("away"), new Error("away")];
      await save("a.js", text);
      mirror.brought(tree, ["uid-4"]);
      await clock.advance(MIRROR_DELAY_MS);
    }
    failures = [];
    expect(warnings()).toEqual(["Edits in place will not outlive their pod so far: away"]);
    await mirror.finish();
    expect(sent).toHaveLength(3);
    expect(warnings()).toHaveLength(1);
  });

  test("the end waits for the last ones, and says when they take too long", async () => {
    const mirror = await newMirror();
    holds = true;
    await save("a.js", "2");
    mirror.brought(tree, ["uid-4"]);
    await clock.advance(MIRROR_DELAY_MS);
    const finished = mirror.finish();
    await clock.advance(MIRROR_FINISH_MS_MAX);
    await finished;
    expect(warnings()).toEqual(["Edits in place will not outlive their pod so far: their builder took too long"]);
  });

  test("edits of a new build are told apart from those of the one before", async () => {
    const mirror = await newMirror();
    await save("a.js", "2");
    mirror.brought(tree, ["uid-4"]);
    await clock.advance(MIRROR_DELAY_MS);
    await clock.advance(MIRROR_RECORD_MS + MIRROR_PAUSE_MS);
    built = tree.buildSource("azds-abc123").manifest;
    const session = await findSession(kube, KEY);
    pods = [podOf(session?.id ?? "", 5)];
    await save("b.js", "2");
    mirror.brought(tree, ["uid-5"]);
    await clock.advance(MIRROR_DELAY_MS);
    await mirror.finish();
    expect(written()).toEqual([["a.js"], ["b.js"]]);
    expect(await record()).toMatchObject({ build: 5, edits: 1, pods: ["uid-5"] });
  });
});
