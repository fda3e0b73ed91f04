/** Nodes whose runtime is Docker: what is built lands in Docker's own store. Skipped on nodes with containerd. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { homedir } from "node:os";
import { join } from "node:path";
import { DOCKER_HOST } from "../cluster/docker.ts";
import { clusterLayout } from "../cluster/layout.ts";
import { ClusterParts } from "../cluster/parts.ts";
import { CLUSTER, type Developer, enabledCluster, kubectl, kubectlOk } from "./support/cluster.ts";
import { inNode, nodeNames, runsDocker } from "./support/node.ts";
import { initProject, type Project } from "./support/project.ts";
import { type Registry, startRegistry } from "./support/registry.ts";
import { readySessionPod } from "./support/session-pods.ts";
import { upSaveRebuild } from "./support/session-updates.ts";

const SPACE = "e2e-docker";
const CACHE = join(homedir(), ".cache/azds-test-cluster");
const LOGIN = { user: "bob", password: "pass" };
/** As the Dockerfile of `azds init` names it. */
const BASE = "node:20-alpine";

async function docker(node: string, ...words: readonly string[]): Promise<string> {
  return inNode(node, ["docker", "--host", DOCKER_HOST, ...words]);
}

async function builderOn(node: string): Promise<string> {
  const which = ["-l", "app.kubernetes.io/component=builder", "--field-selector", `spec.nodeName=${node}`];
  return (await kubectlOk(["-n", "azds", "get", "pods", ...which, "-o", "name"])).trim();
}

describe.skipIf(!runsDocker("node1"))("nodes with Docker", () => {
  let admin: Developer;
  let project: Project;
  let closed: Registry;
  let before: string;
  let settings: string;

  /** With what `closed` wants, or not. */
  async function makeSecret(name: string, namespace: string, password: string): Promise<void> {
    await kubectl(["-n", namespace, "delete", "secret", name, "--ignore-not-found"]);
    const login = [
      `--docker-server=${closed.host}`,
      `--docker-username=${LOGIN.user}`,
      `--docker-password=${password}`,
    ];
    await kubectlOk(["-n", namespace, "create", "secret", "docker-registry", name, ...login]);
  }

  async function enabled(options: readonly string[]): Promise<string> {
    const enabling = await admin.azds(["cluster", "enable", "--space", SPACE, "--yes", ...options]);
    expect(`${enabling.code} ${enabling.stderr}`).toStartWith("0 ");
    return enabling.stdout + enabling.stderr;
  }

  beforeAll(async () => {
    admin = await enabledCluster();
    await admin.azds(["space", "select", "-n", SPACE, "-y"]);
    project = await initProject(admin, "web");
    before = project.read("Dockerfile.develop");
    settings = project.read("azds.yaml");
    closed = await startRegistry({ port: 5001, nodes: await nodeNames(), login: LOGIN });
  }, 180_000);

  afterAll(async () => {
    await project.azds(["down", "-y"]);
    await admin.azds(["space", "remove", "-n", SPACE, "-y"]);
    await enabled(["--registry", "none"]);
    await kubectl(["-n", "azds", "delete", "secret", "push", "wrong", "--ignore-not-found"]);
    await closed[Symbol.asyncDispose]();
    project.remove();
  }, 120_000);

  test("are found by the preflight, which says why", async () => {
    await admin.azds(["cluster", "disable", "--yes"]);
    const text = await enabled([]);
    expect(text).toMatch(/Built images +stay in the nodes' own stores, and Docker's own BuildKit makes them/);
    expect(text).toMatch(/node1 +yes +docker:\/\/\S+ +yes +yes/);
    const said = await admin.azds(["cluster", "status"]);
    expect(said.stdout + said.stderr).toContain(
      "Built images: in the nodes' own stores, made by Docker's own BuildKit",
    );
  }, 120_000);

  test("have what was built in Docker's store; saves and new images go as everywhere", async () => {
    await upSaveRebuild(project, SPACE, async ({ image, node }) => {
      expect(image).toStartWith(`azds.local/${SPACE}/`);
      expect(await docker(node, "image", "ls", "--quiet", image)).not.toBe("");
    });
  }, 120_000);

  test.each([
    ["COPY . .", "RUN echo said; exit 3\nCOPY . .", /: `echo said; exit 3` ended with exit code 3/],
    ["COPY . .", "COPY absent .", /`\/?absent` is not in the build context/],
    ["COPY . .", "NONSENSE . .", /unknown instruction: NONSENSE/],
  ])(
    "tell what is wrong with a Dockerfile: %#",
    async (part, wrong, words) => {
      project.write(
        "Dockerfile.develop",
        before.replace(part, () => wrong),
      );
      const failed = await project.azds(["up", "-d"]);
      expect(failed.stdout + failed.stderr).toMatch(words);
      expect(failed.code).toBe(1);
      await readySessionPod(SPACE);
    },
    60_000,
  );

  test("finish a build when their builder goes away in the middle", async () => {
    const { node } = await readySessionPod(SPACE);
    project.write("Dockerfile.develop", before.replace("COPY . .", "RUN sleep 8\nCOPY . ."));
    const command = project.start(["up", "-d"]);
    await command.until(/RUN sleep 8/);
    await kubectlOk(["-n", "azds", "delete", await builderOn(node), "--grace-period=1"]);
    expect(await command.until(/is running in dev space/)).toMatch(/once more|again/);
    await command.stop();
  }, 120_000);

  test("build again after their Docker was killed, and everything with it", async () => {
    const { node } = await readySessionPod(SPACE);
    const parts = await ClusterParts.open(clusterLayout(CLUSTER, CACHE));
    const index = Number(node.replace("node", ""));
    parts.killPart(index, "docker");
    await parts.startPart(index, "docker");
    project.write("Dockerfile.develop", before.replace("COPY . .", "ENV AFTER=docker\nCOPY . ."));
    const up = await project.azds(["up", "-d"]);
    expect(up.stdout + up.stderr).toContain("is running in dev space");
  }, 180_000);

  test("start from a private image, and ask its registry again for --clean", async () => {
    const base = await closed.put(`base/${BASE}`, BASE);
    for (const node of await nodeNames()) await docker(node, "image", "rm", "--force", base);
    project.write("Dockerfile.develop", before.replace(`FROM ${BASE}`, `FROM ${base}`));
    const refused = await project.azds(["up", "-d"]);
    expect(refused.stdout + refused.stderr).toMatch(/401 Unauthorized|no basic auth credentials/);
    await makeSecret("private", SPACE, LOGIN.password);
    project.edit("azds.yaml", "    image:\n", "    imagePullSecrets: [{ name: private }]\n    image:\n");
    for (const options of [[], ["--clean"]]) {
      const up = await project.azds(["up", "-d", ...options]);
      expect(up.stdout + up.stderr).toContain("is running in dev space");
    }
  }, 180_000);

  test("pull from a registry, where one is named", async () => {
    const base = await closed.put(`base/${BASE}`, BASE);
    project.write("Dockerfile.develop", before.replace(`FROM ${BASE}`, `FROM ${base}`));
    // Without the pull secret of its own.
    project.write("azds.yaml", settings);
    await makeSecret("push", "azds", LOGIN.password);
    await makeSecret("wrong", "azds", "nonsense");
    const place = ["--registry", `${closed.host}/team`, "--registry-insecure", "--registry-secret", "push"];
    expect(await enabled([...place, "--registry-pull-secret", "wrong"])).toMatch(
      /go to the registry .*as `--registry` named it\. BuildKit works in a store of its own/,
    );
    const refused = await project.azds(["up", "-d"]);
    expect(refused.stderr).toMatch(/error\[POD_NOT_STARTED\]: .*cannot be had: .*(unauthorized|no basic auth)/);
    await enabled(["--registry-pull-secret", "push"]);
    const up = await project.azds(["up", "-d"]);
    expect(up.stdout + up.stderr).toContain("is running in dev space");
    expect((await readySessionPod(SPACE)).image).toStartWith(`${closed.host}/team/${SPACE}/`);
    await enabled(["--registry", "none"]);
    project.write("Dockerfile.develop", before);
    expect((await project.azds(["up", "-d"])).stdout).toContain("is running in dev space");
    expect((await readySessionPod(SPACE)).image).toStartWith("azds.local/");
  }, 300_000);
});
