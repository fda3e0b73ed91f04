import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadProject } from "../../../../cli/project/load.ts";
import { withRequired } from "../../../../cli/project/required.ts";

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), "azds-required-"))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

function service(name: string, ...requires: readonly string[]): void {
  mkdirSync(join(root, name, "chart"), { recursive: true });
  writeFileSync(join(root, name, "chart/Chart.yaml"), `name: ${name}\n`);
  writeFileSync(join(root, name, "Dockerfile"), "FROM scratch\n");
  writeFileSync(join(root, name, "azds.yaml"), `install:\n  chart: chart\n  requires: ${JSON.stringify(requires)}\n`);
}

function order(...names: readonly string[]): readonly string[] {
  return withRequired(names.map((name) => loadProject(join(root, name)))).map(({ name }) => name);
}

test("withRequired() has each service once, after what it requires", () => {
  service("web", "../api", "../db");
  service("api", "../db");
  service("db");
  expect(order("web")).toEqual(["db", "api", "web"]);
  expect(order("db", "web", "api")).toEqual(["db", "api", "web"]);
});

test("withRequired() refuses circles and folders without a service", () => {
  service("web", "../api");
  service("api", "../web");
  expect(() => order("web")).toThrow("`web` requires `api` requires `web`, a circle");
  service("web", "../none");
  expect(() => order("web")).toThrow("`install.requires` of azds.yaml of `web`: `../none` has no `azds.yaml`");
});
