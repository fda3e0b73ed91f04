import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ignoreFilter } from "../../../../cli/project/ignore.ts";

function tree(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "azds-ignore-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const DEFAULTS = { useGitIgnore: true, patterns: [], keep: ["Dockerfile"] };

test("ignoreFilter() never sends .git", () => {
  const ignored = ignoreFilter(tree({}), { ...DEFAULTS, useGitIgnore: false });
  expect(ignored(".git", true)).toBe(true);
  expect(ignored(".git/config", false)).toBe(true);
  expect(ignored(".gitignore", false)).toBe(false);
});

test("ignoreFilter() lets the nearest .gitignore decide", () => {
  const ignored = ignoreFilter(tree({ ".gitignore": "*.log\nbuild/\n", "keep/.gitignore": "!*.log\n" }), DEFAULTS);
  expect(ignored("a.log", false)).toBe(true);
  expect(ignored("deep/a.log", false)).toBe(true);
  expect(ignored("keep/a.log", false)).toBe(false);
  expect(ignored("build", true)).toBe(true);
  expect(ignored("build", false)).toBe(false);
});

test("ignoreFilter() anchors .dockerignore at the root", () => {
  const ignored = ignoreFilter(tree({ ".dockerignore": "node_modules\n*.md\n!README.md\n" }), DEFAULTS);
  expect(ignored("node_modules", true)).toBe(true);
  expect(ignored("packages/node_modules", true)).toBe(false);
  expect(ignored("notes.md", false)).toBe(true);
  expect(ignored("README.md", false)).toBe(false);
});

test("ignoreFilter() lets azds.yaml's patterns win, and keeps the Dockerfile", () => {
  const root = tree({ ".gitignore": "NuGet.Config\n", ".dockerignore": "Dockerfile\n" });
  const ignored = ignoreFilter(root, { ...DEFAULTS, patterns: ["!NuGet.Config", "secret"] });
  expect(ignored("NuGet.Config", false)).toBe(false);
  expect(ignored("secret", false)).toBe(true);
  expect(ignored("Dockerfile", false)).toBe(false);
});

test("ignoreFilter() compares names that are not UTF-8 byte by byte, and letters in the case they have", () => {
  const root = tree({});
  writeFileSync(join(root, ".gitignore"), Buffer.from("caf\xe9.txt\n*.\xff\nBuild\n", "latin1"));
  const ignored = ignoreFilter(root, DEFAULTS);
  expect(ignored("caf\udce9.txt", false)).toBe(true);
  expect(ignored("caf\udcea.txt", false)).toBe(false);
  expect(ignored("caf\uFFFD.txt", false)).toBe(false);
  expect(ignored("a.\udcff", false)).toBe(true);
  expect([ignored("Build", true), ignored("build", true)]).toEqual([true, false]);
});
