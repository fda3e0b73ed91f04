import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installRelease, releaseName } from "../../../../../cli/engine/run/release.ts";
import type { Release } from "../../../../../cli/helm/args.ts";
import type { Helm } from "../../../../../cli/helm/helm.ts";
import { loadProject } from "../../../../../cli/project/load.ts";

const TOKENS = { tag: "azds-abc123-1", spacePrefix: "", rootSpacePrefix: "dev.", hostSuffix: ".x" };

function project(): ReturnType<typeof loadProject> {
  const folder = mkdtempSync(join(tmpdir(), "azds-release-"));
  mkdirSync(join(folder, "charts/web"), { recursive: true });
  writeFileSync(join(folder, "charts/web/Chart.yaml"), "name: web\n");
  writeFileSync(join(folder, "Dockerfile"), "FROM scratch\n");
  writeFileSync(join(folder, ".env"), "PASSWORD=from-file\n");
  writeFileSync(
    join(folder, "azds.yaml"),
    "install:\n  chart: charts/web\n  set: { image: { tag: $(tag) }, password: $PASSWORD }\n",
  );
  return loadProject(folder);
}

/** Takes what the last values file holds at the moment Helm would read it. */
function readingHelm(): { readonly helm: Helm; readonly seen: { text: string; mode: number }[] } {
  const seen: { text: string; mode: number }[] = [];
  const upgrade = (release: Release): Promise<void> => {
    const file = release.valuesFiles.at(-1) ?? "";
    seen.push({ text: readFileSync(file, "utf8"), mode: statSync(file).mode & 0o777 });
    return Promise.resolve();
  };
  const nothing = (): Promise<void> => Promise.resolve();
  return { helm: { check: nothing, upgrade, unlock: nothing, uninstall: () => Promise.resolve(true) }, seen };
}

test("installRelease() gives Helm the expanded values in a private file, and leaves none behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "azds-home-"));
  // What a killed `up` left.
  mkdirSync(join(folder, "values/1-azds-web"), { recursive: true });
  const { helm, seen } = readingHelm();
  await installRelease(helm, {
    project: project(),
    release: "azds-web",
    target: { context: "c", kubeconfig: undefined, namespace: "dev" },
    tokens: TOKENS,
    environment: {},
    host: { folder, pid: 7, processAlive: (pid) => pid === 7 },
  });
  expect(seen).toEqual([{ text: '{"image":{"tag":"azds-abc123-1"},"password":"from-file"}', mode: 0o600 }]);
  expect(existsSync(join(folder, "values")) ? readdirSync(join(folder, "values")) : []).toEqual([]);
});

test("installRelease() keeps the values of releases apart that are installed at once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "azds-home-"));
  const files: string[] = [];
  const both = Promise.withResolvers<void>();
  const { helm } = readingHelm();
  const seen = new Map<string, string>();
  const upgrade = async ({ name, valuesFiles }: Release): Promise<void> => {
    if (files.push(valuesFiles.at(-1) ?? "") === 2) both.resolve();
    await both.promise;
    seen.set(name, readFileSync(valuesFiles.at(-1) ?? "", "utf8"));
  };
  const install = async (service: string): Promise<void> =>
    installRelease(
      { ...helm, upgrade },
      {
        project: project(),
        release: `azds-${service}`,
        target: { context: "c", kubeconfig: undefined, namespace: "dev" },
        tokens: { ...TOKENS, tag: `azds-${service}00-1` },
        environment: {},
        host: { folder, pid: 7, processAlive: (pid) => pid === 7 },
      },
    );
  await Promise.all([install("webb"), install("apii")]);
  for (const service of ["webb", "apii"]) expect(seen.get(`azds-${service}`)).toContain(`azds-${service}00-1`);
  expect(readdirSync(join(folder, "values"))).toEqual([]);
});

test("releaseName() keeps within Helm's limit and never ends with a dash", () => {
  expect(releaseName("web")).toBe("azds-web");
  expect(releaseName(`${"a".repeat(47)}-bcdef`)).toBe(`azds-${"a".repeat(47)}`);
});
