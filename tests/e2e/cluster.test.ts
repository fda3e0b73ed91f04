/** azds on a cluster and off it again: status, an image that no node has, removal, and a second time. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Developer, enabledCluster, kubectl, kubectlOk } from "./support/cluster.ts";

const SPACE = "e2e-cluster";

let admin: Developer;

interface Part {
  readonly name: string;
  readonly ok: boolean;
}

/** Names of what carries our part-of label, in the kinds that `enable` makes. */
async function ownObjects(): Promise<string> {
  const kinds =
    "namespaces,deployments,daemonsets,clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingadmissionpolicies";
  return kubectlOk(["get", kinds, "-A", "-l", "app.kubernetes.io/part-of=azds", "-o", "name"]);
}

beforeAll(async () => {
  admin = await enabledCluster();
  await kubectl(["create", "namespace", SPACE]);
  await kubectlOk(["label", "namespace", SPACE, "azds.io/space=true", "--overwrite"]);
}, 120_000);

afterAll(async () => {
  await admin.azds(["cluster", "enable", "--space", "dev", "--yes"]);
  await kubectl(["delete", "namespace", SPACE, "--wait=false"]);
}, 120_000);

describe("azds cluster", () => {
  test("status names every part, and JSON carries the same", async () => {
    const text = await admin.azds(["cluster", "status"]);
    expect(text.code).toBe(0);
    for (const part of ["azds-controller", "azds-webhook", "azds-builder"])
      expect(text.stdout).toMatch(new RegExp(`^${part} .* ok `, "m"));
    const json = await admin.azds(["cluster", "status", "-o", "json"]);
    const result = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; data?: { parts?: readonly Part[] } })
      .find(({ type }) => type === "result");
    expect(result?.data?.parts?.filter(({ ok }) => ok).map(({ name }) => name)).toContain("azds-builder");
  });

  test("enabling again only selects", async () => {
    const again = await admin.azds(["cluster", "enable", "--space", "dev", "--yes"]);
    expect(again.code).toBe(0);
    expect(again.stdout).not.toContain("Starting the controller");
    expect(again.stdout).toContain("is ready for development in dev space 'dev'");
  });

  test("disable removes all that is ours, and leaves spaces", async () => {
    const removed = await admin.azds(["cluster", "disable", "--yes"]);
    expect(removed.code).toBe(0);
    expect(removed.stdout).toContain(SPACE);
    expect((await ownObjects()).trim()).toBe("");
    expect(await kubectlOk(["get", "namespace", SPACE, "-o", "jsonpath={.metadata.labels}"])).toContain(
      '"azds.io/space":"true"',
    );
    const status = await admin.azds(["show-context"]);
    expect(`${status.code} ${status.stderr}`).toContain("NOT_ENABLED");
  }, 120_000);

  test("an image that no node has is noticed, and the ways to bring it are told", async () => {
    const started = await admin.azds([
      "cluster",
      "enable",
      "--space",
      "dev",
      "--yes",
      "--image",
      "azds.local/azds:nowhere",
    ]);
    expect(started.code).toBe(1);
    expect(started.stderr).toContain("IMAGE_NOT_AVAILABLE");
    expect(started.stderr + started.stdout).toContain("azds image export");
  }, 120_000);

  test("enable goes on from there once the image is named right", async () => {
    await admin.azds(["cluster", "disable", "--yes"]);
    const enabled = await admin.azds(["cluster", "enable", "--space", "dev", "--yes"]);
    expect(`${enabled.code} ${enabled.stderr}`).toStartWith("0");
    expect((await admin.azds(["cluster", "status"])).code).toBe(0);
  }, 120_000);
});
