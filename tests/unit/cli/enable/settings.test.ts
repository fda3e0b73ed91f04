import { expect, test } from "bun:test";
import { readNode } from "../../../../cli/enable/nodes.ts";
import {
  endpointOf,
  isUnchanged,
  resolveSettings,
  type EnableOptions,
  type SettingsSources,
  suffixOf,
} from "../../../../cli/enable/settings.ts";
import { VERSION } from "../../../../core/contract.ts";
import { infoOf } from "../../../../templates/control-plane/settings.ts";
import { node } from "./objects.ts";

const NOTHING: EnableOptions = {
  image: undefined,
  buildkitImage: undefined,
  buildkitWorker: undefined,
  registry: undefined,
  registrySecret: undefined,
  registryPullSecret: undefined,
  registryInsecure: undefined,
  containerdRoot: undefined,
  hostSuffix: undefined,
  endpoint: undefined,
  redirect: undefined,
  tlsSecret: undefined,
  trustExternalHeader: undefined,
};
const SOURCES: SettingsSources = {
  options: NOTHING,
  before: {},
  facts: { version: { major: 1, minor: 34, text: "v1.34.4" }, nodes: [readNode(node())] },
  ownImage: "azds.local/azds:own",
};

test("resolveSettings() takes an option over everything else", () => {
  const options = { ...NOTHING, image: "r.test/azds:1", hostSuffix: "dev.example.test", endpoint: "private" as const };
  const before = { image: "r.test/azds:0", hostSuffix: ".old.test", endpoint: "public", version: VERSION };
  expect(resolveSettings({ ...SOURCES, options, before })).toMatchObject({
    image: "r.test/azds:1",
    hostSuffix: ".dev.example.test",
    endpoint: "private",
  });
});

test("resolveSettings() keeps what an earlier run was told", () => {
  const before = {
    image: "r.test/azds:0",
    hostSuffix: ".old.test",
    buildkitImage: "r.test/buildkit:1",
    version: VERSION,
  };
  expect(resolveSettings({ ...SOURCES, before })).toMatchObject({
    image: "r.test/azds:0",
    hostSuffix: ".old.test",
    buildkitImage: "r.test/buildkit:1",
  });
});

test("resolveSettings() leaves an earlier image behind when it was our own or of another version", () => {
  const image = (before: Readonly<Record<string, string>>): string => resolveSettings({ ...SOURCES, before }).image;
  expect(image({ image: "azds.local/azds:old", version: VERSION })).toBe("azds.local/azds:own");
  expect(image({ image: "r.test/azds:0", version: "0.0.0" })).toBe("azds.local/azds:own");
});

test("isUnchanged() holds for the settings that a run has left, and for no others", () => {
  const settings = resolveSettings(SOURCES);
  expect(isUnchanged(infoOf(settings), settings)).toBe(true);
  expect(isUnchanged(infoOf(settings), { ...settings, image: "other" })).toBe(false);
  expect(isUnchanged({}, settings)).toBe(false);
});

test("resolveSettings() lets BuildKit work in a store of its own where a node's runtime is closed to it, or as it was told", () => {
  const worker = (options: Partial<EnableOptions>, before = {}, nodes = SOURCES.facts.nodes): string =>
    resolveSettings({ ...SOURCES, options: { ...NOTHING, ...options }, before, facts: { ...SOURCES.facts, nodes } })
      .buildkitWorker;
  const registry = "r.test/team";
  const crio = [readNode(node({ runtime: "cri-o://1.30.0" }))];
  const docker = [readNode(node({ runtime: "docker://28.0.1" }))];
  expect(worker({})).toBe("containerd");
  expect(worker({ registry })).toBe("containerd");
  expect(worker({ registry, buildkitWorker: "oci" })).toBe("oci");
  expect(worker({}, { registry, buildkitWorker: "oci" })).toBe("oci");
  expect(worker({ registry: "none" }, { registry, buildkitWorker: "oci" })).toBe("containerd");
  expect(worker({ registry, buildkitWorker: "containerd" }, {}, crio)).toBe("oci");
  expect(worker({}, {}, docker)).toBe("docker");
  expect(worker({}, { buildkitWorker: "docker" })).toBe("containerd");
  expect(worker({}, {}, [...docker, ...crio])).toBe("containerd");
  expect(worker({ registry }, { buildkitWorker: "docker" }, docker)).toBe("oci");
  expect(() => worker({ buildkitWorker: "oci" })).toThrow("needs `--registry`");
});

test("endpointOf() reads the original's spelling", () => {
  expect(["Public", "Private", "None", "none", "other", undefined].map(endpointOf)).toEqual([
    "public",
    "private",
    "none",
    "none",
    undefined,
    undefined,
  ]);
});

test("suffixOf() takes a suffix as a name, with a dot, and as the DNS record is written; refuses the rest", () => {
  for (const text of ["dev.example.test", ".dev.example.test", "*.Dev.example.test"]) {
    expect(suffixOf(text)).toBe(".dev.example.test");
  }
  expect(suffixOf(undefined)).toBeUndefined();
  for (const text of ["", "*", "local", "a*b.test", "a..b", "http://x.test", `${"x.".repeat(70)}test`]) {
    expect(() => suffixOf(text)).toThrow("--host-suffix");
  }
});
