import { expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { watchContext } from "../../../../../cli/engine/live/context-watch.ts";
import { nativePath } from "../../../../../core/sync/native-path.ts";
import { loadProject, type Project } from "../../../../../cli/project/load.ts";

function project(): Project {
  const folder = mkdtempSync(join(tmpdir(), "azds-watch-"));
  mkdirSync(join(folder, "charts/web"), { recursive: true });
  mkdirSync(join(folder, "node_modules/x"), { recursive: true });
  const files = {
    "azds.yaml": "install:\n  chart: charts/web\n",
    "charts/web/Chart.yaml": "name: web\n",
    Dockerfile: "FROM scratch\n",
    ".gitignore": "node_modules\n*.log\n",
    "server.js": "1",
  };
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
  return loadProject(folder);
}

/** Every path told from the change until `last` is, which is written after it. */
async function toldAfter(watched: Project, change: () => void, last: string): Promise<readonly string[]> {
  const stop = new AbortController();
  const context = watchContext(watched, stop.signal);
  await context.ready;
  change();
  writeFileSync(join(watched.folder, last), "name: web\n");
  const told = new Set<string>();
  for await (const set of context.changes()) {
    for (const path of set.paths) told.add(path);
    if (told.has(last)) break;
  }
  stop.abort();
  rmSync(watched.folder, { recursive: true, force: true });
  return [...told];
}

test("watchContext() tells saves by rename, and nothing that is ignored", async () => {
  const watched = project();
  const change = (): void => {
    writeFileSync(join(watched.folder, "debug.log"), "x");
    writeFileSync(join(watched.folder, "node_modules/x/index.js"), "x");
    cpSync(join(watched.folder, "server.js"), join(watched.folder, "server.js.log"));
    renameSync(join(watched.folder, "server.js.log"), join(watched.folder, "server.js"));
  };
  const told = await toldAfter(watched, change, "last.js");
  expect(new Set(told)).toEqual(new Set(["server.js", "last.js"]));
});

test("watchContext() tells changes of the chart and of azds.yaml", async () => {
  expect(await toldAfter(project(), () => undefined, "charts/web/Chart.yaml")).toContain("charts/web/Chart.yaml");
  expect(await toldAfter(project(), () => undefined, "azds.yaml")).toContain("azds.yaml");
});

test("watchContext() keeps what changes before anybody asks", async () => {
  const watched = project();
  const stop = new AbortController();
  const context = watchContext(watched, stop.signal);
  await context.ready;
  writeFileSync(join(watched.folder, "server.js"), "2");
  await Bun.sleep(200);
  const first = await context.changes().next();
  expect(first.done === true ? [] : first.value.paths).toEqual(["server.js"]);
  stop.abort();
  rmSync(watched.folder, { recursive: true, force: true });
});

test("watchContext() ends with its signal", async () => {
  const watched = project();
  const stop = new AbortController();
  const ended = Array.fromAsync(watchContext(watched, stop.signal).changes());
  stop.abort();
  expect(await ended).toEqual([]);
  rmSync(watched.folder, { recursive: true, force: true });
});

/** In a user namespace of its own, whose limits are its own too (namespaces(7)). */
const WITHOUT_WATCHES = ["unshare", "--user", "--map-root-user", "sh", "-c"];
const LOWERS = "echo 0 >/proc/sys/user/max_inotify_instances";
const canLower = Bun.which("unshare") !== null && Bun.spawnSync([...WITHOUT_WATCHES, LOWERS]).exitCode === 0;

test.skipIf(!canLower)("watchContext() fails with WATCH_LIMIT where the system gives no watch", () => {
  const watched = project();
  const module = (path: string): string => JSON.stringify(join(import.meta.dir, "../../../../../cli", path));
  const program = `
    const { watchContext } = await import(${module("engine/live/context-watch.ts")});
    const { loadProject } = await import(${module("project/load.ts")});
    const { ready } = watchContext(loadProject(${JSON.stringify(watched.folder)}), new AbortController().signal);
    console.log(await ready.then(() => "watches", (error) => error.code + ": " + error.message));
    process.exit();`;
  const words = [...WITHOUT_WATCHES, `${LOWERS} && exec "$0" -e "$1"`, process.execPath, program];
  const { stdout, stderr } = Bun.spawnSync(words);
  rmSync(watched.folder, { recursive: true, force: true });
  expect(stdout.toString() + stderr.toString()).toBe(
    "WATCH_LIMIT: The project's folders cannot be watched: this user's limit of open files or of inotify instances (`fs.inotify.max_user_instances`) is reached (EMFILE)\n",
  );
});

test("watchContext() tells that something changed whose name is not UTF-8, new or known", async () => {
  for (const isKnown of [false, true]) {
    const watched = project();
    const file = nativePath(`${watched.folder}/caf\udce9.js`);
    if (isKnown) writeFileSync(file, "1");
    const change = (): void => {
      writeFileSync(nativePath(`${watched.folder}/caf\udce9.log`), "ignored");
      writeFileSync(file, "2");
    };
    const told = await toldAfter(watched, change, "last.js");
    expect(new Set(told)).toEqual(new Set(["caf\uFFFD.js", "last.js"]));
  }
});

test("watchContext() tells what was renamed as the system does", async () => {
  const watched = project();
  const stop = new AbortController();
  const context = watchContext(watched, stop.signal);
  await context.ready;
  renameSync(join(watched.folder, "server.js"), join(watched.folder, "index.js"));
  const moved = new Set<string>();
  for await (const set of context.changes()) {
    for (const path of set.moved) moved.add(path);
    if (moved.size === 2) break;
  }
  stop.abort();
  rmSync(watched.folder, { recursive: true, force: true });
  expect([...moved].toSorted()).toEqual(["index.js", "server.js"]);
});
