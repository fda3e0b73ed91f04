import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AuthSources, registryAuth } from "../../../../../cli/engine/build/registry-auth.ts";
import { runProcess } from "../../../../../core/host/run-process.ts";
import { fakeKube } from "../../../../fakes/kube.ts";

let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "auth-"));
  await mkdir(join(home, ".docker"));
});
afterEach(() => rm(home, { recursive: true }));

const encoded = (text: string): string => Buffer.from(text).toString("base64");

async function authsFor(dockerfile: string, part: Partial<AuthSources> = {}): Promise<unknown> {
  const content = await registryAuth({
    kube: fakeKube(),
    pod: { namespace: "dev", name: "web-1" },
    set: {},
    dockerfile,
    args: {},
    variables: { HOME: home, PATH: `${home}:/usr/bin:/bin` },
    run: runProcess,
    signal: new AbortController().signal,
    ...part,
  });
  return content === undefined ? undefined : JSON.parse(new TextDecoder().decode(content));
}

async function configure(config: unknown): Promise<void> {
  await writeFile(join(home, ".docker/config.json"), JSON.stringify(config));
}

describe("registryAuth()", () => {
  test("is nothing where nothing is known, or what is there cannot be read", async () => {
    expect(await authsFor("FROM a.test/x")).toBeUndefined();
    await writeFile(join(home, ".docker/config.json"), "{ half");
    expect(await authsFor("FROM a.test/x")).toBeUndefined();
  });

  test("takes what the Dockerfile needs of the developer's configuration, and no more", async () => {
    const [a, hub] = [{ auth: encoded("me:a") }, { auth: encoded("me:hub") }];
    await configure({
      auths: { "https://a.test/v1/": a, "b.test": { auth: "b" }, "https://index.docker.io/v1/": hub },
    });
    expect(await authsFor("FROM a.test/x")).toEqual({ auths: { "a.test": a } });
    expect(await authsFor("FROM node")).toEqual({ auths: { "https://index.docker.io/v1/": hub } });
  });

  test("asks the helper that the configuration names", async () => {
    const helper = join(home, "docker-credential-fake");
    await writeFile(
      helper,
      `#!/bin/sh\nread -r server\necho "$1 $server" > ${home}/asked\necho '{"Username":"me","Secret":"s"}'\n`,
    );
    await chmod(helper, 0o755);
    await configure({ credHelpers: { "a.test": "fake" }, credsStore: "missing" });
    expect(await authsFor("FROM a.test/x\nFROM b.test/y")).toEqual({ auths: { "a.test": { auth: encoded("me:s") } } });
    expect(await readFile(join(home, "asked"), "utf8")).toBe("get a.test\n");
  });

  test("prefers the pull secrets of the pod, and of azds.yaml", async () => {
    await configure({ auths: { "a.test": { auth: "own" } } });
    const kube = fakeKube();
    const secret = (name: string, host: string): void => {
      const text = JSON.stringify({ auths: { [host]: { auth: name } } });
      kube.put(`/api/v1/namespaces/dev/secrets/${name}`, { data: { ".dockerconfigjson": encoded(text) } });
    };
    secret("of-pod", "a.test");
    secret("of-yaml", "https://b.test");
    kube.put("/api/v1/namespaces/dev/pods/web-1", {
      spec: { imagePullSecrets: [{ name: "of-pod" }, { name: "gone" }] },
    });
    const set = { imagePullSecrets: [{ name: "of-yaml" }] };
    expect(await authsFor("FROM a.test/x\nFROM b.test/y", { kube, set })).toEqual({
      auths: { "a.test": { auth: "of-pod" }, "b.test": { auth: "of-yaml" } },
    });
  });
});
