import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { areMisnamed, ignoresCase, lookupBelow, type NameLookup } from "../../../../../cli/engine/live/name-case.ts";

/** A file system that ignores case; this system has none. @param paths as its folders list them */
function ignoringCase(...paths: readonly string[]): NameLookup {
  const all = new Set(
    paths.flatMap((path) => path.split("/").map((_, depth, parts) => parts.slice(0, depth + 1).join("/"))),
  );
  const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));
  return {
    exists: (wanted) => [...all].some((path) => path.toLowerCase() === wanted.toLowerCase()),
    names: (folder) =>
      [...all]
        .filter((path) => folderOf(path).toLowerCase() === folder.toLowerCase())
        .map((path) => path.slice(path.lastIndexOf("/") + 1)),
  };
}

test("ignoresCase() tells a file system that does from one that does not", () => {
  const folder = mkdtempSync(join(tmpdir(), "azds-case-"));
  writeFileSync(join(folder, "azds.yaml"), "");
  expect(ignoresCase(lookupBelow(folder), "azds.yaml")).toBe(false);
  writeFileSync(join(folder, "AZDS.YAML"), "");
  expect(ignoresCase(lookupBelow(folder), "azds.yaml")).toBe(false);
  rmSync(folder, { recursive: true });
  expect(ignoresCase(ignoringCase("azds.yaml"), "azds.yaml")).toBe(true);
});

test.each([
  ["the old name of a renamed file", ["src/Foo.js"], ["src/Foo.js"], true],
  ["the new name of a renamed file", ["src/foo.js"], ["src/Foo.js"], true],
  ["both", ["src/Foo.js", "src/foo.js"], ["src/Foo.js"], true],
  ["a file below a renamed folder", ["Src/foo.js"], [], true],
  ["a file that was there and is", ["src/foo.js"], ["src/foo.js"], false],
  ["a new file", ["src/foo.js"], ["src/bar.js"], false],
  ["a file that is gone", ["src/gone.js"], ["src/gone.js"], false],
])("areMisnamed() is told %s", (...[, told, known, misnamed]) => {
  expect(areMisnamed(ignoringCase("src/foo.js"), told, known)).toBe(misnamed);
});
