import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readSourceTree, type SourceTree } from "../../../../../cli/engine/live/source-tree.ts";
import { loadProject } from "../../../../../cli/project/load.ts";

const NEVER = new AbortController().signal;
const LIVE = "configurations:\n  develop:\n    container:\n      sync: ['!**/*.lock']\n";

let folder: string;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

async function read(): Promise<SourceTree> {
  return readSourceTree(loadProject(folder), NEVER);
}

function paths(entries: readonly { readonly path: string }[]): readonly string[] {
  return entries.map(({ path }) => path);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "azds-tree-"));
  write("azds.yaml", `install:\n  chart: charts/web\n${LIVE}`);
  write("charts/web/Chart.yaml", "name: web\n");
  write("Dockerfile", "FROM scratch\n");
  write(".gitignore", "node_modules\n");
  write("node_modules/x/index.js", "x");
  write("src/a.js", "a");
  write("deps.lock", "1");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("readSourceTree()", () => {
  test("tells what lives in the container from what the image is made of", async () => {
    const tree = await read();
    expect(paths(tree.live().entries)).toEqual(["charts", "src", "src/a.js"]);
    expect(paths(tree.fixed().entries)).toEqual([
      ".gitignore",
      "Dockerfile",
      "azds.yaml",
      "charts/web/Chart.yaml",
      "deps.lock",
    ]);
    expect(tree.version()).toBe(1);
    expect(tree.lastChange()).toBeUndefined();
  });

  test("a builder gets all of it, in order, and nothing that is ignored", async () => {
    const { manifest, tree } = (await read()).buildSource("azds-abc123");
    expect(paths(manifest.entries)).toContain("charts/web/Chart.yaml");
    expect(paths(manifest.entries).filter((path) => path.startsWith("node_modules"))).toEqual([]);
    expect(paths(manifest.entries)).toEqual([...paths(manifest.entries)].toSorted());
    expect(tree).toMatch(/^azds-abc123\/[0-9a-f]{12}$/);
  });
});

describe("update()", () => {
  test("tells a new file with the folders that it needs", async () => {
    const tree = await read();
    write("new/deep/b.js", "b");
    expect(paths((await tree.update(["new/deep/b.js"])).write)).toEqual(["new", "new/deep", "new/deep/b.js"]);
    expect(tree.version()).toBe(2);
  });

  test("tells nothing of a file that was only touched, and makes no version of it", async () => {
    const tree = await read();
    write("src/a.js", "a");
    expect(await tree.update(["src/a.js"])).toEqual({ write: [], remove: [], image: [] });
    expect(tree.version()).toBe(1);
  });

  test("tells a changed mode, and a symlink in place of a file", async () => {
    const tree = await read();
    chmodSync(join(folder, "src/a.js"), 0o755);
    expect((await tree.update(["src/a.js"])).write[0]?.mode).toBe(0o755);
    rmSync(join(folder, "src/a.js"));
    symlinkSync("b.js", join(folder, "src/a.js"));
    expect((await tree.update(["src/a.js"])).write).toMatchObject([{ kind: "symlink", target: "b.js" }]);
  });

  test("tells everything below a folder that is gone, deepest first, also where only the folder is named", async () => {
    const tree = await read();
    renameSync(join(folder, "src"), join(folder, "lib"));
    const change = await tree.update(["src", "lib", "lib/a.js"]);
    expect(change.remove).toEqual(["src/a.js", "src"]);
    expect(paths(change.write)).toEqual(["lib", "lib/a.js"]);
  });

  test("a folder that becomes a file takes all below it away", async () => {
    const tree = await read();
    rmSync(join(folder, "src"), { recursive: true });
    write("src", "file");
    const change = await tree.update(["src/a.js", "src"]);
    expect(change.remove).toEqual(["src/a.js"]);
    expect(change.write).toMatchObject([{ path: "src", kind: "file" }]);
  });

  test("what belongs to the image is known, but is no difference of the live part", async () => {
    const tree = await read();
    write("deps.lock", "2");
    expect(await tree.update(["deps.lock"])).toEqual({ write: [], remove: [], image: ["deps.lock"] });
    expect(tree.version()).toBe(1);
    const lock = (await read()).fixed().entries.find(({ path }) => path === "deps.lock");
    expect(tree.fixed().entries.find(({ path }) => path === "deps.lock")).toEqual(lock);
  });

  test("ignores what lies below an ignored folder", async () => {
    const tree = await read();
    write("node_modules/x/index.js", "y");
    expect(await tree.update(["node_modules/x/index.js"])).toEqual({ write: [], remove: [], image: [] });
  });
});

test("rescan() tells the same as single updates would", async () => {
  const tree = await read();
  write("src/b.js", "b");
  rmSync(join(folder, "src/a.js"));
  const change = await tree.rescan(NEVER);
  expect(paths(change.write)).toEqual(["src/b.js"]);
  expect(change.remove).toEqual(["src/a.js"]);
  expect(tree.lastChange()).toEqual(change);
});
