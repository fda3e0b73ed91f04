import { expect, test } from "bun:test";
import { join } from "node:path";
import { stringify } from "yaml";
import { CLUSTER_ROLE, COMPONENT } from "../../../../core/contract.ts";
import { asArray, at } from "../../../../core/parse.ts";
import { controlPlane } from "../../../../templates/control-plane/control-plane.ts";
import type { ControlPlaneSettings } from "../../../../templates/control-plane/settings.ts";
import { parseSettings } from "../../../../webhook/settings.ts";
import { SETTINGS } from "../../cli/enable/settings-sample.ts";

const GOLDEN = join(import.meta.dir, "../../../golden/control-plane.yaml");
const OBJECTS = controlPlane(SETTINGS);

test("controlPlane() gives the manifests of the golden file", async () => {
  const text = OBJECTS.map((object) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 })).join("---\n");
  if (Bun.env["UPDATE_GOLDEN"] === "1") await Bun.write(GOLDEN, text);
  expect(text).toBe(await Bun.file(GOLDEN).text());
});

test("controlPlane() labels every object as a part of azds, so that it can be removed by label", () => {
  const bare = OBJECTS.filter(
    ({ metadata }) =>
      metadata.labels["app.kubernetes.io/part-of"] !== "azds" ||
      metadata.labels["app.kubernetes.io/managed-by"] !== "azds",
  );
  expect(bare).toEqual([]);
});

test("controlPlane() gives privilege to buildkitd alone", () => {
  const containers = OBJECTS.flatMap((object) => {
    const spec = at(object, "spec", "template", "spec");
    return [...asArray(at(spec, "initContainers")), ...asArray(at(spec, "containers"))];
  });
  const privileged = containers.filter((container) => at(container, "securityContext", "privileged") === true);
  expect(privileged.map((container) => at(container, "name"))).toEqual(["buildkitd"]);
  const open = containers.filter(
    (container) =>
      at(container, "securityContext", "privileged") !== true &&
      at(container, "securityContext", "readOnlyRootFilesystem") !== true,
  );
  expect(open).toEqual([]);
});

test("controlPlane() gives settings that the webhook reads back", () => {
  const deployment = OBJECTS.find(({ kind, metadata }) => kind === "Deployment" && metadata.name === COMPONENT.webhook);
  const env = asArray(at(deployment, "spec", "template", "spec", "containers", 0, "env"));
  const text = env.find((entry) => at(entry, "name") === "AZDS_SETTINGS");
  expect(parseSettings(String(at(text, "value")))).toMatchObject({
    image: SETTINGS.image,
    hostSuffix: SETTINGS.hostSuffix,
  });
});

test("controlPlane() leaves caBundle to the controller", () => {
  const configuration = OBJECTS.find(({ kind }) => kind === "MutatingWebhookConfiguration");
  expect(JSON.stringify(configuration)).not.toContain("caBundle");
});

test("controlPlane() gives nobody the right to create namespaces where no policy can limit it", () => {
  const names = controlPlane({ ...SETTINGS, admissionPolicies: false }).map(({ metadata }) => metadata.name);
  expect(names).not.toContain(CLUSTER_ROLE.spaceCreator);
  expect(names).toContain(CLUSTER_ROLE.developer);
});

test("controlPlane() needs nothing of the node's runtime for BuildKit's own store, and restarts builders for a new configuration", () => {
  const registry = { prefix: "r.test:5000/team", secret: "", pullSecret: "", insecure: false };
  const built = (settings: Partial<ControlPlaneSettings>): { readonly pod: string; readonly digest: unknown } => {
    const objects = controlPlane({ ...SETTINGS, registry, ...settings });
    const template = at(
      objects.find(({ kind }) => kind === "DaemonSet"),
      "spec",
      "template",
    );
    return { pod: JSON.stringify(template), digest: at(template, "metadata", "annotations") };
  };
  expect(built({}).pod).toContain("/run/containerd");
  expect(built({ buildkitWorker: "oci" }).pod).not.toContain("containerd");
  expect(built({ registry: { ...registry, insecure: true } }).digest).not.toEqual(built({}).digest);
  expect(built({ hostSuffix: ".other" }).digest).toEqual(built({}).digest);
});

test("controlPlane() gives Docker's socket to one container without a token, and no privilege, where the nodes run Docker", () => {
  const objects = controlPlane({ ...SETTINGS, buildkitWorker: "docker" });
  const spec = at(
    objects.find(({ kind }) => kind === "DaemonSet"),
    "spec",
    "template",
    "spec",
  );
  const containers = asArray(at(spec, "containers"));
  expect(containers.map((container) => at(container, "name"))).toEqual(["builder", "docker", "rules"]);
  expect(JSON.stringify(spec)).not.toContain('"privileged":true');
  expect(JSON.stringify(spec)).not.toContain("containerd");
  const withSocket = containers.filter((container) => JSON.stringify(container).includes("docker.sock"));
  expect(withSocket.map((container) => at(container, "name"))).toEqual(["docker"]);
  expect(JSON.stringify(withSocket)).toContain('"no-token"');
  expect(JSON.stringify(containers[0])).toContain('{"name":"AZDS_STORE","value":"docker"}');
});

test("controlPlane() tells builders, webhook and controller of the registry, and keeps the two Secrets apart", () => {
  const registry = { prefix: "r.test:5000/team", secret: "push", pullSecret: "pull", insecure: true };
  const objects = controlPlane({ ...SETTINGS, registry });
  const text = (kind: string, name: string): string =>
    JSON.stringify(objects.find((object) => object.kind === kind && object.metadata.name === name));
  expect(text("DaemonSet", "azds-builder")).toContain('"secretName":"push"');
  expect(text("DaemonSet", "azds-builder")).not.toContain('"pull"');
  expect(text("ConfigMap", "azds-builder")).toContain('[registry.\\"r.test:5000\\"]\\n  http = true');
  expect(text("Deployment", "azds-webhook")).toContain('\\"prefix\\":\\"r.test:5000/team\\",\\"hasPullSecret\\":true');
  expect(text("Deployment", "azds-controller")).toContain('"value":"pull"');
});
