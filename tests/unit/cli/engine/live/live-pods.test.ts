import { expect, test } from "bun:test";
import type { AgentClient, openAgentClient } from "../../../../../cli/engine/live/agent-client.ts";
import type { Event } from "../../../../../cli/engine/events.ts";
import { followLivePods, type LivePods, type LivePodsOptions } from "../../../../../cli/engine/live/live-pods.ts";
import { podView } from "../../../../../cli/engine/pods/pod-view.ts";
import type { PodWatch } from "../../../../../cli/engine/pods/pod-watch.ts";
import type { SourceTree } from "../../../../../cli/engine/live/source-tree.ts";
import type { AgentState } from "../../../../../core/agent-protocol.ts";
import { AzdsError } from "../../../../../core/errors.ts";
import type { TreeEntry } from "../../../../../core/sync/manifest.ts";
import { RECONNECT_MS_MIN } from "../../../../../core/limits.ts";
import { manualClock, settle } from "../../../../fakes/clock.ts";
import { fakeKube } from "../../../../fakes/kube.ts";

const SESSION = "azds-abc123";
const POD = podView({
  metadata: { name: "web-1", uid: "u1", namespace: "alice", labels: { "azds.io/instrumented": "true" } },
  spec: { containers: [{ name: "devspaces-proxy" }, { name: "web", image: `azds.local/alice/web:${SESSION}-1` }] },
  status: {
    phase: "Running",
    containerStatuses: [
      { name: "devspaces-proxy", state: { running: {} } },
      { name: "web", state: { running: {} } },
    ],
  },
});
const WATCH: PodWatch = {
  pods: () => [POD],
  synced: async () => undefined,
  until: async () => new Promise<never>(() => undefined),
  subscribe: () => () => undefined,
};
const STATE: AgentState = {
  version: "1",
  target: "/app",
  revision: "r-1",
  behind: false,
  rebuilt: false,
  process: { kind: "running", run: 1, pid: 7 },
};

/** What one connection finds and does. */
interface Meeting {
  readonly files: number;
  readonly behind: boolean;
  readonly update?: () => Promise<number>;
}

interface Followed {
  readonly texts: () => readonly string[];
  readonly updates: () => number;
  /** How each sync said that its files take effect. */
  readonly effects: readonly string[];
  /** Paths of each sync. */
  readonly synced: readonly (readonly string[])[];
  readonly cut: () => Promise<void>;
  readonly end: AbortController;
}

function file(path: string): TreeEntry {
  return { path, kind: "file", mode: 0o644, size: 1, sha256: "0".repeat(64) };
}

function following(watch: PodWatch, overrides: Partial<LivePodsOptions> = {}): LivePods {
  const tree: Pick<SourceTree, "version" | "lastChange" | "live" | "root"> = {
    root: "/project",
    version: () => 1,
    lastChange: () => undefined,
    live: () => ({ entries: [file("server.js")] }),
  };
  return followLivePods({
    kube: fakeKube(),
    session: SESSION,
    watch,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else is asked of it
    tree: tree as SourceTree,
    iterate: { processesToKill: [], buildCommands: [], dependencies: [] },
    fromBuild: 1,
    unbuilt: () => false,
    onBrought: () => undefined,
    elsewhere: false,
    built: () => ({ build: 1, version: 1, live: { entries: [file("gone.js"), file("server.js")] } }),
    emit: () => undefined,
    clock: manualClock(),
    signal: AbortSignal.abort(),
    ...overrides,
  });
}

function follow(...meetings: readonly Meeting[]): Followed {
  const clock = manualClock();
  const events: Event[] = [];
  const effects: string[] = [];
  const synced: (readonly string[])[] = [];
  const end = new AbortController();
  let [met, updates] = [0, 0];
  let closed = Promise.withResolvers<void>();
  const open: typeof openAgentClient = async () => {
    const meeting = meetings[met];
    if (meeting === undefined) throw new AzdsError("CONNECTION_LOST", "nobody listens");
    met += 1;
    closed = Promise.withResolvers();
    const client: AgentClient = {
      state: () => ({ ...STATE, behind: meeting.behind }),
      closed: closed.promise,
      sync: async (_root, { entries }, effect) => {
        synced.push(entries.map(({ path }) => path));
        effects.push(effect);
        return {
          files: entries.length === 1 ? meeting.files : 0,
          deleted: 0,
          bytesSent: 1,
          ms: 1,
          failed: [],
          revision: "r-2",
        };
      },
      change: async () => ({ kind: "stale" }),
      update: async () => {
        updates += 1;
        return meeting.update?.() ?? 1;
      },
      followBack: async () => undefined,
      close: async () => undefined,
    };
    return client;
  };
  following(WATCH, { emit: (event) => events.push(event), clock, signal: end.signal, open });
  return {
    texts: () => events.flatMap((event) => ("text" in event ? [event.text] : [])),
    updates: () => updates,
    effects,
    synced,
    cut: async () => {
      closed.resolve();
      await settle();
      await clock.advance(RECONNECT_MS_MIN);
    },
    end,
  };
}

test("a restart that a cut has swallowed is made up for, although all files had arrived", async () => {
  const { cut, texts, updates, effects, end } = follow({ files: 0, behind: false }, { files: 0, behind: true });
  await settle();
  expect(updates()).toBe(0);
  await cut();
  expect(updates()).toBe(1);
  expect(texts().at(-1)).toBe("Pod `web-1` is connected again: nothing was missed, restarting the application");
  expect(new Set(effects.slice(0, 2))).toEqual(new Set(["at once"]));
  expect(new Set(effects.slice(2))).toEqual(new Set(["with update"]));
  end.abort();
});

test("what was deleted since the image was built is told to the agent first, and then is gone", async () => {
  const { synced, end } = follow({ files: 0, behind: false });
  await settle();
  expect(synced).toEqual([["gone.js", "server.js"], ["server.js"]]);
  end.abort();
});

test("a build command that fails after a cut is told once, and the connection stays", async () => {
  const update = async (): Promise<number> => {
    throw new AzdsError("UPDATE_FAILED", "`make` ended with code 2");
  };
  const { cut, texts, end } = follow({ files: 0, behind: false }, { files: 3, behind: true, update });
  await settle();
  await cut();
  await settle();
  expect(texts().slice(-2)).toEqual([
    "Pod `web-1` is connected again: 3 files brought up to date, restarting the application",
    "web-1: UPDATE_FAILED: `make` ended with code 2",
  ]);
  end.abort();
});

test.each([
  ["restarts", { state: "waiting", deleting: false, owned: true }, true],
  ["is deleted, and its owner makes another", { state: "running", deleting: true, owned: true }, true],
  ["is deleted, and nobody makes another", { state: "running", deleting: true, owned: false }, false],
  ["cannot get its image", { state: "ErrImageNeverPull", deleting: false, owned: true }, false],
])("a container that %s is waited for or not", (_, { state, deleting, owned }, isExpected) => {
  const container = POD.containers.find(({ name }) => name === "web");
  if (container === undefined) throw new Error("The pod has no container");
  const reason = state === "running" ? "" : state;
  const now = { ...container, state: { kind: "waiting", reason, message: "" } } as const;
  const pod = { ...POD, deleting, owned, containers: [now] };
  expect(following({ ...WATCH, pods: () => [pod] }).any()).toBe(isExpected);
});
