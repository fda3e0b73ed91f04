import { expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { watchContext } from "../../../../cli/engine/context-watch.ts";
import { loadProject, type Project } from "../../../../cli/project/load.ts";

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

/** The first set that names `last`, which is changed again until the watcher, once it is ready, sees it. */
async function setAfter(watched: Project, change: () => void, last: string): Promise<readonly string[]> {
  const stop = new AbortController();
  const again = setInterval(() => writeFileSync(join(watched.folder, last), String(Math.random())), 100);
  change();
  const seen = new Set<string>();
  for await (const set of watchContext(watched, stop.signal)) {
    for (const path of set) seen.add(path);
    change();
    if (seen.has(last)) break;
  }
  clearInterval(again);
  stop.abort();
  rmSync(watched.folder, { recursive: true, force: true });
  return [...seen];
}

test("watchContext() tells saves by rename, and nothing that is ignored", async () => {
  const watched = project();
  const change = (): void => {
    writeFileSync(join(watched.folder, "debug.log"), "x");
    writeFileSync(join(watched.folder, "node_modules/x/index.js"), "x");
    cpSync(join(watched.folder, "server.js"), join(watched.folder, "server.js.log"));
    renameSync(join(watched.folder, "server.js.log"), join(watched.folder, "server.js"));
  };
  const seen = await setAfter(watched, change, "server.js");
  expect(seen).toEqual(["server.js"]);
});

test("watchContext() tells changes of the chart and of azds.yaml", async () => {
  expect(await setAfter(project(), () => undefined, "charts/web/Chart.yaml")).toContain("charts/web/Chart.yaml");
  expect(await setAfter(project(), () => undefined, "azds.yaml")).toContain("azds.yaml");
});

test("watchContext() ends with its signal", async () => {
  const watched = project();
  const stop = new AbortController();
  const ended = Array.fromAsync(watchContext(watched, stop.signal));
  stop.abort();
  expect(await ended).toEqual([]);
  rmSync(watched.folder, { recursive: true, force: true });
});
