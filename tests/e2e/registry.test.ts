/** Built images in a registry: with and without credentials, in containerd's store and in BuildKit's own, and back again. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { homedir } from "node:os";
import { join } from "node:path";
import { clusterLayout } from "../cluster/layout.ts";
import { ClusterParts } from "../cluster/parts.ts";
import { CLUSTER, type CommandResult, type Developer, enabledCluster, kubectl, kubectlOk } from "./support/cluster.ts";
import { inNode, removeImage } from "./support/node.ts";
import { initProject, type Project } from "./support/project.ts";
import { type Registry, startRegistry } from "./support/registry.ts";
import { podEvents, readySessionPod } from "./support/session-pods.ts";
import { upSaveRebuild } from "./support/session-updates.ts";

const PROVES = process.env["AZDS_PROVE"] === "registry";
const SPACE = "e2e-registry";
const NODES = ["node1", "node2"];
const LOGIN = { user: "bob", password: "pass" };
/** In each space, of the Secret that pods pull with. */
const COPY = "azds-registry";
/** As the Dockerfile of `azds init` names it. */
const BASE = "node:20-alpine";
const CONTROLLER = "--as=system:serviceaccount:azds:azds-controller";

let admin: Developer;
let project: Project;
let open: Registry;
/** Wants LOGIN. */
let closed: Registry;

beforeAll(async () => {
  admin = await enabledCluster();
  await admin.azds(["space", "select", "-n", SPACE, "-y"]);
  project = await initProject(admin, "web");
  open = await startRegistry({ port: 5000, nodes: NODES });
  closed = await startRegistry({ port: 5001, nodes: NODES, login: LOGIN });
  await makeSecret("push", closed, LOGIN.password);
  await makeSecret("wrong", closed, "nonsense");
}, 180_000);

afterAll(async () => {
  await project.azds(["down", "-y"]);
  await admin.azds(["space", "remove", "-n", SPACE, "-y"]);
  await enable(["--registry", "none"]);
  await kubectl(["-n", "azds", "delete", "secret", "push", "wrong", "--ignore-not-found"]);
  await open[Symbol.asyncDispose]();
  await closed[Symbol.asyncDispose]();
  project.remove();
}, 180_000);

async function makeSecret(name: string, { host }: Registry, password: string): Promise<void> {
  await kubectl(["-n", "azds", "delete", "secret", name, "--ignore-not-found"]);
  const login = [`--docker-server=${host}`, `--docker-username=${LOGIN.user}`, `--docker-password=${password}`];
  await kubectlOk(["-n", "azds", "create", "secret", "docker-registry", name, ...login]);
}

async function enable(options: readonly string[]): Promise<CommandResult> {
  return admin.azds(["cluster", "enable", "--space", SPACE, "--yes", ...options]);
}

async function enabled(options: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await enable(options);
  expect(`${code} ${stderr}`).toStartWith("0 ");
  return stdout + stderr;
}

async function status(): Promise<string> {
  const { stdout, stderr } = await admin.azds(["cluster", "status"]);
  return stdout + stderr;
}

async function up(): Promise<void> {
  const { code, stdout, stderr } = await project.azds(["up", "-d"]);
  expect(`${code} ${stdout}${stderr}`).toMatch(/^0 [^]*is running in dev space/);
}

/** Deletes the pod while its node takes no new one. */
async function evict(): Promise<void> {
  const pod = await readySessionPod(SPACE);
  const other = NODES.find((node) => node !== pod.node) ?? "";
  // Nothing of it may be there from an earlier run.
  await removeImage(other, pod.image);
  await kubectlOk(["cordon", pod.node]);
  try {
    await kubectlOk(["-n", SPACE, "delete", "pod", pod.name, "--wait=false"]);
    const next = await readySessionPod(SPACE, pod.name);
    expect(next).toMatchObject({ node: other, image: pod.image });
    expect(await podEvents(SPACE, next.name)).toContain(`Pulled: Successfully pulled image "${pod.image}"`);
  } finally {
    await kubectlOk(["uncordon", pod.node]);
  }
}

describe("a registry that is named wrong", () => {
  test.each([
    ["--registry https://r.test/team", /error\[USAGE\]: .*without a scheme/],
    ["--registry-secret push", /error\[USAGE\]: .*`--registry PREFIX` must name/],
    ["--buildkit-worker oci", /error\[USAGE\]: .*needs `--registry`/],
    ["--registry r.test/team --registry-secret absent", /REGISTRY_SECRET_INVALID.*does not exist/],
    ["--registry r.test/team --registry-secret azds-ca", /REGISTRY_SECRET_INVALID.*is of type/],
    ["--registry r.test/team --registry-pull-secret push", /no credentials for `r\.test`, only for `10\./],
  ])("%s changes nothing", async (options, words) => {
    const result = await enable(options.split(" "));
    expect(result.stderr).toMatch(words);
    expect(result.code).not.toBe(0);
    expect(await status()).toContain("Built images: in the nodes' own stores");
  });
});

describe("a registry that takes all", () => {
  test("gets what is built; saves in place and new images go on as before", async () => {
    expect(await enabled(["--registry", `${open.host}/team`, "--registry-insecure"])).toContain(
      `go to the registry \`${open.host}/team\``,
    );
    expect(await status()).toContain(`Built images: in registry ${open.host}/team; BuildKit works in the nodes'`);
    await upSaveRebuild(project, SPACE, ({ image }) => expect(image).toStartWith(`${open.host}/team/${SPACE}/`));
  }, 120_000);

  test("gives it to a pod on another node", evict, 100_000);

  test("is kept by the next `cluster enable`", async () => {
    await enabled([]);
    expect(await status()).toContain(`in registry ${open.host}/team`);
  }, 100_000);
});

describe("a registry that wants credentials, and BuildKit with a store of its own", () => {
  test("that are wrong for builders: nothing was built wrong, and the failure says so", async () => {
    await enabled(["--registry", `${closed.host}/team`, "--registry-insecure", "--registry-secret", "wrong"]);
    const refused = await project.azds(["up", "-d"]);
    expect(refused.stderr).toMatch(/error\[PUSH_FAILED\]: The registry did not take `10\.\S+`: 401 Unauthorized/);
    expect(refused.code).toBe(1);
  }, 120_000);

  test("that are wrong for pods: the pod's failure says so", async () => {
    const base = await closed.put(`base/${BASE}`, `docker.io/library/${BASE}`);
    project.edit("Dockerfile.develop", `FROM ${BASE}`, `FROM ${base}`);
    await enabled(["--buildkit-worker", "oci", "--registry-secret", "push", "--registry-pull-secret", "wrong"]);
    const refused = await project.azds(["up", "-d"]);
    expect(refused.stderr).toMatch(/error\[POD_NOT_STARTED\]: .*cannot be had: .*401 Unauthorized/);
    expect(refused.code).toBe(1);
  }, 120_000);

  test("that are right: built, pushed and pulled, also on another node", async () => {
    await enabled(["--registry-pull-secret", "push"]);
    const said = await status();
    expect(said).toContain("pushed with Secret push, pulled with a copy of Secret push; BuildKit works in a store of");
    await up();
    const pod = await readySessionPod(SPACE);
    expect(pod.image).toStartWith(`${closed.host}/team/${SPACE}/`);
    await evict();
  }, 180_000);

  test("each space has a copy, and the controller may write no other Secret", async () => {
    const content = async (namespace: string, name: string): Promise<string> =>
      kubectlOk(["-n", namespace, "get", "secret", name, "-o", "jsonpath={.data.\\.dockerconfigjson}"]);
    expect(await content(SPACE, COPY)).toBe(await content("azds", "push"));
    const may = async (...words: readonly string[]): Promise<string> =>
      (await kubectl(["-n", SPACE, "auth", "can-i", ...words, CONTROLLER])).stdout.trim();
    expect(await may("delete", `secrets/${COPY}`)).toBe("yes");
    for (const verb of ["create", "patch", "delete", "list"]) expect(await may(verb, "secrets")).toBe("no");
    for (const verb of ["patch", "delete"]) expect(await may(verb, "secrets/other")).toBe("no");
  }, 60_000);
});

describe("the nodes' own stores again", () => {
  test("`--registry none` takes the copies away, and the next `up` builds into them", async () => {
    expect(await enabled(["--registry", "none"])).toContain("with their next `azds up`, and not before");
    expect(await status()).toContain("Built images: in the nodes' own stores");
    project.edit("Dockerfile.develop", `FROM ${closed.host}/base/${BASE}`, `FROM ${BASE}`);
    await up();
    expect((await readySessionPod(SPACE)).image).toStartWith("azds.local/");
    await kubectlOk(["-n", SPACE, "wait", "--for=delete", `secret/${COPY}`, "--timeout=30s"]);
  }, 120_000);

  test("leave nothing of BuildKit's own store mounted on the nodes", async () => {
    for (const node of NODES) expect(await inNode(node, ["cat", "/proc/mounts"])).not.toContain("runc-overlayfs");
  });
});

/** The API server with the plugin, until it is started again. */
async function withAlwaysPullImages(work: () => Promise<void>): Promise<void> {
  const parts = await ClusterParts.open(clusterLayout(CLUSTER, join(homedir(), ".cache/azds-test-cluster")));
  await parts.restartApiServer(["--enable-admission-plugins=NodeRestriction,AlwaysPullImages"]);
  try {
    await work();
  } finally {
    await parts.restartApiServer();
  }
}

if (PROVES) {
  describe("a registry that the nodes cannot speak to at first", () => {
    test("is told, and waited for", async () => {
      const place = ["--registry", `${closed.host}/team`, "--registry-insecure", "--buildkit-worker", "oci"];
      await enabled([...place, "--registry-secret", "push", "--registry-pull-secret", "push"]);
      project.edit("Dockerfile.develop", `FROM ${BASE}`, `FROM ${closed.host}/base/${BASE}`);
      closed.introduce(false);
      const command = project.start(["up", "-d"]);
      await command.until(
        /ErrImagePull: Image .* is not there yet, and is tried again: .*HTTP response to HTTPS client/,
      );
      closed.introduce(true);
      await command.until(/is running in dev space/);
      await command.stop();
      await enabled(["--registry", "none"]);
      project.edit("Dockerfile.develop", `FROM ${closed.host}/base/${BASE}`, `FROM ${BASE}`);
    }, 180_000);
  });

  describe("a cluster that makes each pod pull its images", () => {
    test("is refused without a registry, and without the image of azds in one; then everything is pulled", async () => {
      await makeSecret("any", open, "any");
      const info = ["-n", "azds", "get", "configmap", "azds-info", "-o"];
      const own = await kubectlOk([...info, "jsonpath={.data.image}"]);
      const buildkit = await kubectlOk([...info, "jsonpath={.data.buildkitImage}"]);
      const images = [
        "--image",
        await open.put("parts/azds:1", own),
        "--buildkit-image",
        await open.put("parts/buildkit:1", buildkit),
      ];
      await withAlwaysPullImages(async () => {
        const place = ["--registry", `${open.host}/team`, "--registry-insecure"];
        expect((await enable([])).stderr).toMatch(/error\[REGISTRY_NEEDED\]: .*AlwaysPullImages/);
        expect(await status()).toContain("Built images stay in the nodes' own stores, but the cluster makes each pod");
        expect((await enable(place)).stderr).toContain("error[IMAGE_NOT_AVAILABLE]");
        await enabled([...place, ...images, "--registry-pull-secret", "any"]);
        await kubectlOk(["-n", SPACE, "wait", "--for=create", `secret/${COPY}`, "--timeout=30s"]);
        await up();
        const pod = await readySessionPod(SPACE);
        expect(pod.image).toStartWith(`${open.host}/team/${SPACE}/`);
        const path = "jsonpath={.spec.initContainers[*].imagePullPolicy} {.spec.containers[*].imagePullPolicy}";
        const policies = await kubectlOk(["-n", SPACE, "get", "pod", pod.name, "-o", path]);
        expect(new Set(policies.split(" "))).toEqual(new Set(["Always"]));
        await evict();
      });
      await admin.azds(["cluster", "disable", "--yes"]);
      expect((await kubectl(["-n", SPACE, "get", "secret", COPY])).stderr).toContain("NotFound");
      await enabledCluster();
    }, 300_000);
  });
}
