/** What no tool checks: documents that name things that exist, names that say something, nothing of this machine in the tree. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { VERSION } from "../core/contract.ts";
import { errorTable } from "../scripts/error-docs.ts";

const root = join(import.meta.dir, "..");
const files = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root })
  .stdout.toString()
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(root, file)));
const sources = files.filter((file) => /\.(ts|tsx|js|sh|md|go|py|yaml)$/.test(file));

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

test("docs/errors.md lists exactly the codes of core/errors.ts", () => {
  expect(read("docs/errors.md").endsWith(errorTable())).toBe(true);
});

test("paths named in the documents exist", () => {
  const missing: string[] = [];
  for (const file of ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "STYLE.md"]) {
    for (const [, path] of read(file).matchAll(
      /`((?:cli|core|proxy|webhook|controller|builder|agent|templates|tests|bench|samples|docs|scripts)\/[A-Za-z0-9_./-]*)`/g,
    )) {
      if (path !== undefined && !existsSync(join(root, path))) missing.push(`${file}: ${path}`);
    }
  }
  expect(missing).toEqual([]);
});

test("no file has a name that says nothing", () => {
  expect(files.filter((file) => /^(utils?|helpers?|common|misc|index|manager)\.tsx?$/.test(basename(file)))).toEqual(
    [],
  );
});

test("no source names a path of a developer's machine, or work to do without an issue", () => {
  const pattern =
    /(?<![\w.])\/(?:work\/main|farm|home\/[a-z]+)\/[A-Za-z0-9._-]+|\b(?:TO)(?:DO)\b(?!\(#\d+\))|\b(?:FIX)(?:ME)\b/;
  const own = "tests/tidy.test.ts";
  expect(sources.filter((file) => file !== own && pattern.test(read(file)))).toEqual([]);
});

test("no test is focused or skipped", () => {
  const tests = files.filter((file) => file.endsWith(".test.ts") || file.endsWith(".test.tsx"));
  expect(tests.filter((file) => /\b(?:test|describe|it)\.(?:only|skip|todo)\(/.test(read(file)))).toEqual([]);
});

test("the version of package.json is the one that the executable prints", () => {
  expect((JSON.parse(read("package.json")) as { version: string }).version).toBe(VERSION);
});

test("every script of package.json points at a file", () => {
  const scripts = Object.values((JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts);
  for (const script of scripts) {
    const file = /bun (\S+\.ts)/.exec(script)?.[1] ?? "";
    expect(existsSync(join(root, file))).toBe(true);
  }
});
