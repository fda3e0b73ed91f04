import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { UpdateRequest } from "../../../../../core/agent-protocol.ts";
import { KubeError } from "../../../../../core/kube/types.ts";
import { SECOND_LOOK_MS, SECOND_LOOK_PATHS_MIN } from "../../../../../core/limits.ts";
import { AzdsError } from "../../../../../core/errors.ts";
import type { ContextWatch } from "../../../../../cli/engine/live/context-watch.ts";
import type { Event } from "../../../../../cli/engine/events.ts";
import type { LivePods, Refusal } from "../../../../../cli/engine/live/live-pods.ts";
import { followSaves, type SavesRequest } from "../../../../../cli/engine/live/saves.ts";
import { readSourceTree } from "../../../../../cli/engine/live/source-tree.ts";
import { loadProject } from "../../../../../cli/project/load.ts";

const CONTAINER = `configurations:
  develop:
    container:
      sync: ["public/**", "!**/*.lock"]
      iterate:
        buildCommands: [[make]]
        dependencies:
        - files: [package.json]
          command: [npm, install]
`;

let folder: string;
let events: Event[];
let rebuilds: number;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "azds-saves-"));
  events = [];
  rebuilds = 0;
  write("azds.yaml", `install:\n  chart: charts/web\n${CONTAINER}`);
  write("charts/web/Chart.yaml", "name: web\n");
  write("Dockerfile", "FROM scratch\n");
  write("server.js", "1");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface FakePods extends LivePods {
  readonly updates: UpdateRequest[];
}

function pods(overrides: Partial<LivePods> = {}): FakePods {
  const updates: UpdateRequest[] = [];
  return {
    updates,
    settled: async () => undefined,
    bring: async () => [{ pod: "web-1", brought: { files: 1, bytes: 1, ms: 2, failed: [] } }],
    update: async (request) => {
      updates.push(request);
      return 1;
    },
    refusal: () => undefined,
    any: () => true,
    ended: async () => new Promise<never>(() => undefined),
    ...overrides,
  };
}

/** The saves of a test, one set after another, then the end. */
function saved(...sets: readonly (readonly string[])[]): ContextWatch {
  async function* changes(): ReturnType<ContextWatch["changes"]> {
    for (const paths of sets) yield { paths, folders: [], moved: [], at: performance.now() };
  }
  return { ready: Promise.resolve(), changes, quiet: async () => [] };
}

/** The same, and then a watch that tells nothing for so long that a second look is over. */
function savedBefore(silenceMs: number, ...sets: readonly (readonly string[])[]): ContextWatch {
  const first = saved(...sets);
  async function* changes(): ReturnType<ContextWatch["changes"]> {
    yield* first.changes();
    await Bun.sleep(silenceMs);
  }
  return { ...first, changes };
}

async function follow(live: LivePods, change: () => void, overrides: Partial<SavesRequest>): Promise<string> {
  const project = loadProject(folder);
  const { signal } = new AbortController();
  const tree = await readSourceTree(project, signal);
  change();
  return followSaves({
    project,
    tree,
    live,
    saves: saved(),
    noRebuild: false,
    timings: false,
    rebuild: async () => {
      rebuilds += 1;
    },
    lastRebuild: () => undefined,
    emit: (event) => events.push(event),
    signal,
    ...overrides,
  });
}

function texts(): readonly string[] {
  return events.flatMap((event) => ("text" in event ? [event.text.replace(/in \d+ ms/, "in N ms")] : []));
}

test("a file that is only copied restarts nothing", async () => {
  const live = pods();
  const ended = await follow(live, () => write("public/a.css", "a"), { saves: saved(["public/a.css"]) });
  expect(ended).toBe("stopped");
  expect(texts()).toEqual(["`public/a.css` changed: copied in N ms, `public/**` in `container.sync` copies it"]);
  expect(live.updates).toEqual([]);
});

test("any other file restarts, after the build commands", async () => {
  const live = pods();
  await follow(live, () => write("server.js", "2"), { saves: saved(["server.js"]) });
  expect(texts()).toEqual([
    "`server.js` changed: restarted in N ms, `container.iterate` restarts the application for it",
  ]);
  expect(live.updates).toEqual([{ processesToKill: [], buildCommands: [["make"]], restart: true }]);
});

test("a dependency file runs its command before the build commands", async () => {
  const live = pods();
  await follow(live, () => write("package.json", "{}"), { saves: saved(["package.json"]) });
  expect(live.updates[0]?.buildCommands).toEqual([["npm", "install"], ["make"]]);
});

test("a file that was touched without a change does nothing", async () => {
  const live = pods();
  await follow(live, () => write("server.js", "1"), { saves: saved(["server.js"]) });
  expect(events).toEqual([]);
});

test("a file of the image rebuilds it, and says what the last one took", async () => {
  const request = { saves: saved(["yarn.lock"]), lastRebuild: () => 4_210 };
  await follow(pods(), () => write("yarn.lock", "1"), request);
  expect(rebuilds).toBe(1);
  expect(texts()).toEqual([
    "`yarn.lock` changed: rebuilding the image, `!**/*.lock` in `container.sync` leaves it to the image; the last one took 4.2 s",
  ]);
});

test("a file that came from a container rebuilds and restarts nothing, and the containers are told of it", async () => {
  let brought = 0;
  const live = pods({
    bring: async () => {
      brought += 1;
      return [];
    },
  });
  const back = { isReturned: (path: string) => path !== "server.js" };
  const saves = saved(["yarn.lock"], ["package.json"]);
  await follow(live, () => write("package.json", "{}"), { saves, back });
  expect([rebuilds, brought, events, live.updates]).toEqual([0, 2, [], []]);
});

test("--no-rebuild refuses it, with code and rule, and goes on", async () => {
  const live = pods();
  const change = (): void => {
    write("yarn.lock", "1");
    write("server.js", "2");
  };
  await follow(live, change, { saves: saved(["yarn.lock"], ["server.js"]), noRebuild: true });
  expect(rebuilds).toBe(0);
  expect(texts()[0]).toStartWith("REBUILD_REFUSED: `yarn.lock` changed and needs a new image");
  expect(live.updates).toHaveLength(1);
});

test("--no-rebuild brings what was saved together with a file that it refuses", async () => {
  const live = pods();
  const change = (): void => {
    write("yarn.lock", "1");
    write("public/a.css", "a");
  };
  await follow(live, change, { saves: saved(["yarn.lock", "public/a.css"]), noRebuild: true });
  expect(rebuilds).toBe(0);
  expect(texts()[0]).toStartWith("REBUILD_REFUSED: `yarn.lock` changed and needs a new image");
  expect(texts()[1]).toStartWith("`public/a.css` changed: copied");
});

test("--no-rebuild keeps what no container can take for the one that comes", async () => {
  const live = pods({ any: () => false });
  const project = loadProject(folder);
  const tree = await readSourceTree(project, new AbortController().signal);
  const before = tree.version();
  write("server.js", "2");
  await follow(live, () => undefined, { tree, saves: saved(["server.js"]), noRebuild: true });
  expect(texts()[0]).toStartWith("REBUILD_REFUSED: `server.js` changed and needs a new image, no container");
  expect(tree.version()).toBeGreaterThan(before);
});

test("azds.yaml rebuilds, and what was read by it is read again", async () => {
  const ended = await follow(pods(), () => undefined, { saves: saved(["azds.yaml"], ["server.js"]) });
  expect(ended).toBe("redefined");
  expect(rebuilds).toBe(1);
});

test("a container that cannot be written gets new images, with its reason", async () => {
  const refusal: Refusal = { target: "/app", why: "user 1000 cannot write to `/app`", volumeHelps: true };
  await follow(pods({ refusal: () => refusal }), () => write("server.js", "2"), { saves: saved(["server.js"]) });
  expect(texts()).toEqual(["`server.js` changed: rebuilding the image, user 1000 cannot write to `/app`"]);
});

test("without a running container the next save makes one", async () => {
  await follow(pods({ any: () => false }), () => write("server.js", "2"), { saves: saved(["server.js"]) });
  expect(rebuilds).toBe(1);
});

test("without a connection the save is told to follow", async () => {
  const live = pods({ bring: async () => [{ pod: "web-1", brought: undefined }] });
  await follow(live, () => write("server.js", "2"), { saves: saved(["server.js"]) });
  expect(texts()).toEqual(["`server.js` changed: it follows when there is a connection to the container"]);
});

test("of several pods the slowest is named", async () => {
  const brought = (ms: number): { files: number; bytes: number; ms: number; failed: [] } => ({
    files: 1,
    bytes: 1,
    ms,
    failed: [],
  });
  const live = pods({
    bring: async () => [
      { pod: "web-1", brought: brought(2) },
      { pod: "web-2", brought: brought(9) },
    ],
  });
  await follow(live, () => write("public/a.css", "a"), { saves: saved(["public/a.css"]) });
  expect(texts()[0]).toContain("copied to 2 pods in N ms (`web-2` was last)");
});

test("an API server that refuses a rebuild is told, and the next save is taken", async () => {
  const rebuild = async (): Promise<void> => {
    throw new KubeError(409, "Conflict", "the object was changed");
  };
  const change = (): void => write("public/a.css", "a");
  await follow(pods(), change, { saves: saved(["Dockerfile"], ["public/a.css"]), rebuild });
  expect(texts()[1]).toBe(
    "API_FAILED: The API server answered 409 Conflict: the object was changed; the running service was left as it is",
  );
  expect(texts()[2]).toContain("copied");
});

test("a save that restarts is brought as one that needs an update to take effect", async () => {
  const effects: string[] = [];
  const live = pods({
    bring: async (effect) => {
      effects.push(effect);
      return [{ pod: "web-1", brought: undefined }];
    },
  });
  const change = (): void => {
    write("server.js", "2");
    write("public/a.css", "a");
  };
  await follow(live, change, { saves: saved(["server.js"], ["public/a.css"]) });
  expect(effects).toEqual(["with update", "at once"]);
});

test("changes of a branch switch that nobody told are found, and everything is watched anew", async () => {
  const told = Array.from({ length: SECOND_LOOK_PATHS_MIN }, (_, index) => `public/told-${index}.css`);
  const change = (): void => {
    for (const path of told) write(path, "a");
    write("public/untold/a.css", "a");
  };
  expect(await follow(pods(), change, { saves: savedBefore(5_000, told) })).toBe("missed");
  expect(texts()[1]).toContain("`public/untold/a.css` changed: copied");
});

test("a file of the image that nobody told of is found, and rebuilds it", async () => {
  const told = Array.from({ length: SECOND_LOOK_PATHS_MIN }, (_, index) => `public/told-${index}.css`);
  const change = (): void => {
    for (const path of told) write(path, "a");
    write("yarn.lock", "1");
  };
  expect(await follow(pods(), change, { saves: savedBefore(5_000, told) })).toBe("missed");
  expect(rebuilds).toBe(1);
  expect(texts()[1]).toStartWith("`yarn.lock` changed: rebuilding the image");
});

test("--no-rebuild refuses it then too, and brings what was found beside it", async () => {
  const told = Array.from({ length: SECOND_LOOK_PATHS_MIN }, (_, index) => `public/told-${index}.css`);
  const change = (): void => {
    for (const path of told) write(path, "a");
    write("yarn.lock", "1");
    write("public/untold/a.css", "a");
  };
  await follow(pods(), change, { saves: savedBefore(5_000, told), noRebuild: true });
  expect(rebuilds).toBe(0);
  expect(texts()[1]).toStartWith("REBUILD_REFUSED: `yarn.lock` changed");
  expect(texts()[2]).toContain("`public/untold/a.css` changed: copied");
});

test("a save during the second look is brought once, and is not missed", async () => {
  const told = Array.from({ length: SECOND_LOOK_PATHS_MIN }, (_, index) => `public/told-${index}.css`);
  const change = (): void => {
    for (const path of told) write(path, "a");
    setTimeout(() => write("public/late.css", "a"), SECOND_LOOK_MS / 2);
  };
  const watch = savedBefore(SECOND_LOOK_MS * 1.5, told);
  async function* changes(): ReturnType<ContextWatch["changes"]> {
    yield* watch.changes();
    yield { paths: ["public/late.css"], folders: [], moved: [], at: performance.now() };
  }
  expect(await follow(pods(), change, { saves: { ...watch, changes } })).toBe("stopped");
  expect(texts().filter((text) => text.includes("late.css"))).toHaveLength(1);
});

test("a file that was renamed and renamed again is looked at once more", async () => {
  write("public/b.css", "b");
  const change = (): void => renameSync(join(folder, "public/b.css"), join(folder, "public/c.css"));
  async function* changes(): ReturnType<ContextWatch["changes"]> {
    yield { paths: ["public/c.css"], folders: [], moved: ["public/b.css", "public/c.css"], at: performance.now() };
    await Bun.sleep(SECOND_LOOK_MS * 2);
  }
  expect(await follow(pods(), change, { saves: { ...saved(), changes } })).toBe("stopped");
  expect(texts().map((text) => text.split(" ").slice(0, 3).join(" "))).toEqual([
    "`public/c.css` changed: copied",
    "`public/b.css` changed: copied",
  ]);
});

test("a branch switch of which all was told is over with it", async () => {
  const told = Array.from({ length: SECOND_LOOK_PATHS_MIN }, (_, index) => `public/told-${index}.css`);
  const change = (): void => told.forEach((path) => write(path, "a"));
  expect(await follow(pods(), change, { saves: savedBefore(SECOND_LOOK_MS * 2, told) })).toBe("stopped");
});

test("a build command that fails is told with its code, and the next save is taken", async () => {
  const live = pods({
    update: async () => {
      throw new AzdsError("UPDATE_FAILED", "`make` ended with code 2");
    },
  });
  const change = (): void => {
    write("server.js", "2");
    write("public/a.css", "a");
  };
  await follow(live, change, { saves: saved(["server.js"], ["public/a.css"]) });
  expect(texts()[0]).toBe("UPDATE_FAILED: `make` ended with code 2; the running service was left as it is");
  expect(texts()[1]).toContain("copied");
});
