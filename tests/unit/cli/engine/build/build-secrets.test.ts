import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentSocket, readSecrets } from "../../../../../cli/engine/build/build-secrets.ts";
import { parseConfig, type SecretSource } from "../../../../../cli/project/config.ts";
import type { Project } from "../../../../../cli/project/load.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "secrets-"));
});
afterEach(() => rm(folder, { recursive: true }));

function projectWith(secrets: Readonly<Record<string, SecretSource>>): Project {
  const config = parseConfig("install:\n  chart: c\n", "azds.yaml");
  return {
    folder,
    name: "web",
    config: { ...config, build: { ...config.build, secrets } },
    contextFolder: folder,
    dockerfile: "Dockerfile",
    chartFolder: folder,
    valuesFiles: [],
    variables: {},
  };
}

describe("readSecrets()", () => {
  test("reads files beside azds.yaml and in the home folder, byte for byte, and variables", async () => {
    const bytes = new Uint8Array([0, 255, 10]);
    await writeFile(join(folder, "binary"), bytes);
    const project = projectWith({ a: { file: "binary" }, b: { file: "~/binary" }, c: { env: "TOKEN" } });
    const secrets = await readSecrets(project, { HOME: folder, TOKEN: "t" });
    expect([...(secrets.get("a") ?? [])]).toEqual([...bytes]);
    expect([...(secrets.get("b") ?? [])]).toEqual([...bytes]);
    expect(new TextDecoder().decode(secrets.get("c"))).toBe("t");
  });

  test("says which is missing, or too large", async () => {
    await writeFile(join(folder, "large"), new Uint8Array(500 * 1024 + 1));
    const failing = (source: SecretSource): Promise<unknown> =>
      readSecrets(projectWith({ a: source }), {}).catch((error: unknown) => String(error));
    expect(await failing({ file: "none" })).toContain("`build.secrets.a` of azds.yaml: the file `none` does not exist");
    expect(await failing({ env: "NONE" })).toContain("the variable `NONE` does not exist");
    expect(await failing({ file: "large" })).toContain("larger than 500 KiB");
  });
});

test("agentSocket() says that there is no agent", () => {
  expect(agentSocket({ SSH_AUTH_SOCK: "/run/agent" })).toBe("/run/agent");
  expect(() => agentSocket({})).toThrow("`SSH_AUTH_SOCK` is not set");
});
