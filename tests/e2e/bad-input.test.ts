/** Wrong input of every kind: a code, a message that names the cause, exit 1 or 2, and nothing half-done. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { userKubeconfig } from "../cluster/cluster.ts";
import { closedPort, foreignCertificate, holdPort, kubeconfigFile, withToken } from "./support/broken-access.ts";
import { type CommandResult, type Developer, developer, enabledCluster } from "./support/cluster.ts";
import { holders, initProject, type Project, traces } from "./support/project.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";

/** Nothing is ever made in the first; the second has what starts and fails. */
const SPACES = { "e2e-bad": "root", "e2e-bad-pods": "root" };
const EMPTY = "e2e-bad";
const PODS = "e2e-bad-pods";

let admin: Developer;
let project: Project;
const projects: Project[] = [];

async function newProject(name: string): Promise<Project> {
  const made = await initProject(admin, name);
  projects.push(made);
  return made;
}

/** One line with the code and the cause, a hint, and the exit code that goes with it. */
function expectFailure(result: CommandResult, code: string, cause: RegExp): void {
  expect(result.stderr).toMatch(new RegExp(`^error\\[${code}\\]: `, "m"));
  expect(result.stderr).toMatch(cause);
  expect(result.stderr).toMatch(/^hint: \S/m);
  expect(result.code).toBe(code === "USAGE" ? 2 : 1);
}

/** `azds up -d` into the space of that name, which need not be selected. */
async function up(which: Project, space: string, env: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
  return which.azds(["up", "-d", "--space", space], env);
}

async function expectUntouched(): Promise<void> {
  expect(await traces(EMPTY)).toEqual([]);
}

beforeAll(async () => {
  admin = await enabledCluster();
  await labelSpaces(SPACES);
  project = await newProject("app");
}, 180_000);

afterAll(async () => {
  for (const each of projects) each.remove();
  await removeSpaces(SPACES);
}, 60_000);

describe("the way to the cluster", () => {
  test("no cluster", async () => {
    const nobody = developer(await closedPort(admin));
    for (const args of [
      ["space", "list"],
      ["up", "-d", "--space", EMPTY],
      ["cluster", "status"],
      ["cluster", "enable", "-y"],
    ]) {
      const result = await nobody.azds(args, { cwd: project.folder });
      expectFailure(
        result,
        "CLUSTER_UNREACHABLE",
        /context `azds-test` at https:\/\/127\.0\.0\.1:\d+: the connection was refused/,
      );
    }
  });

  test("an unknown context", async () => {
    expectFailure(
      await project.azds(["--context", "elsewhere", "list-up"]),
      "KUBECONFIG_INVALID",
      /Context `elsewhere` does not exist in `/,
    );
  });

  test("a kubeconfig that is none", async () => {
    const broken = kubeconfigFile("clusters: [unfinished");
    expectFailure(
      await project.azds(["list-up", "--kubeconfig", broken]),
      "KUBECONFIG_INVALID",
      /kubeconfig` cannot be read as a kubeconfig: /,
    );
    const missing = join(dirname(broken), "missing");
    expectFailure(
      await project.azds(["list-up", "--kubeconfig", missing]),
      "KUBECONFIG_INVALID",
      /missing` does not exist/,
    );
  });

  test.each([
    ["a certificate of another authority", foreignCertificate],
    ["a token that nobody issued", (of: Developer) => withToken(of, "eyJhbGciOiJSUzI1NiJ9.e30.c2ln")],
  ])("credentials: %s", async (_title, kubeconfigOf) => {
    const stranger = developer(kubeconfigOf(admin));
    for (const args of [
      ["space", "list"],
      ["up", "-d", "--space", EMPTY],
      ["cluster", "enable", "-y"],
    ]) {
      const result = await stranger.azds(args, { cwd: project.folder });
      expectFailure(result, "CREDENTIALS_REJECTED", /does not accept the credentials of context `azds-test`/);
    }
  });

  test("no rights: the missing one is named", async () => {
    const nobody = developer(await userKubeconfig(dirname(admin.kubeconfig), "e2e-bad-nobody"));
    const list = /User `e2e-bad-nobody` may not `list` `namespaces` in the whole cluster/;
    const get = /User `e2e-bad-nobody` may not `get` `namespaces` in namespace `e2e-bad`/;
    expectFailure(await nobody.azds(["space", "list"]), "FORBIDDEN", list);
    expectFailure(await nobody.azds(["space", "select", "-n", "e2e-bad-new", "-y"]), "FORBIDDEN", list);
    expectFailure(await nobody.azds(["up", "-d", "--space", EMPTY], { cwd: project.folder }), "FORBIDDEN", get);
    expectFailure(await nobody.azds(["down", "--space", EMPTY], { cwd: project.folder }), "FORBIDDEN", get);
    await expectUntouched();
  });
});

describe("words", () => {
  test.each([
    ["Capital", "SPACE_NAME_INVALID", /`Capital` cannot be the name/],
    ["with_underscore", "SPACE_NAME_INVALID", /`with_underscore` cannot be the name/],
    ["-edge", "SPACE_NAME_INVALID", /`-edge` cannot be the name/],
    ["a".repeat(64), "SPACE_NAME_INVALID", /cannot be the name/],
    ["e2e-bad/Child", "SPACE_NAME_INVALID", /`Child` cannot be the name/],
    ["azds", "SPACE_NAME_RESERVED", /`azds` is reserved/],
    ["kube-public", "SPACE_NAME_RESERVED", /`kube-public` is reserved/],
    ["nowhere/e2e-bad-child", "PARENT_NOT_FOUND", /`nowhere` does not exist/],
  ])("space create -n=%s", async (name, code, cause) => {
    for (const command of ["create", "select"]) {
      expectFailure(await admin.azds(["space", command, `-n=${name}`, "-y"]), code, cause);
    }
  });

  test.each([
    [["up", "--detatch"], /Unknown option `--detatch`/],
    [["upp"], /Unknown command `upp`/],
    [["up", "-p", "80"], /`-p 80` is no pair of ports/],
    [["space", "create"], /name/],
  ])("command line %p", async (args, cause) => {
    expectFailure(await project.azds(args), "USAGE", cause);
  });

  test("an unknown space, and a selected one that is gone", async () => {
    expectFailure(await up(project, "e2e-bad-unknown"), "SPACE_NOT_FOUND", /`e2e-bad-unknown` does not exist/);
    const other = developer(admin.kubeconfig);
    expect((await other.azds(["space", "create", "-n", "e2e-bad-gone"])).code).toBe(0);
    expect((await admin.azds(["space", "remove", "-n", "e2e-bad-gone", "-y"])).code).toBe(0);
    for (const args of [["up", "-d"], ["list-up"], ["down"]]) {
      expectFailure(
        await other.azds(args, { cwd: project.folder }),
        "SPACE_NOT_FOUND",
        /`e2e-bad-gone` does not exist/,
      );
    }
  });
});

describe("the project", () => {
  test("azds.yaml that is no YAML, or has an unknown key, is refused with its line", async () => {
    const broken = await newProject("broken");
    broken.write(
      "azds.yaml",
      "kind: helm-release\nbuild:\n  context: .\n  dockerfile: [\ninstall:\n  chart: charts/broken\n",
    );
    expectFailure(await up(broken, EMPTY), "CONFIG_INVALID", /`azds\.yaml` line [45]: /);
    broken.write("azds.yaml", "kind: helm-release\nbuild:\n  context: .\ninstall:\n  chrat: charts/broken\n");
    expectFailure(await up(broken, EMPTY), "CONFIG_INVALID", /`azds\.yaml` line 5: `install\.chrat` is not a key/);
    await expectUntouched();
  });

  test("no azds.yaml, no Dockerfile", async () => {
    const incomplete = await newProject("incomplete");
    rmSync(join(incomplete.folder, "Dockerfile.develop"));
    expectFailure(
      await up(incomplete, EMPTY),
      "DOCKERFILE_NOT_FOUND",
      /`Dockerfile\.develop` named by azds\.yaml does not exist/,
    );
    rmSync(join(incomplete.folder, "azds.yaml"));
    expectFailure(await up(incomplete, EMPTY), "CONFIG_NOT_FOUND", /`azds\.yaml`/);
    await expectUntouched();
  });

  test("Helm that is missing or too old", async () => {
    const folder = mkdtempSync(join(tmpdir(), "azds-helm-"));
    expectFailure(await up(project, EMPTY, { PATH: folder }), "HELM_MISSING", /`helm` is not on PATH/);
    writeFileSync(join(folder, "helm"), "#!/bin/sh\necho v3.7.0\n");
    chmodSync(join(folder, "helm"), 0o755);
    expectFailure(
      await up(project, EMPTY, { PATH: folder }),
      "HELM_TOO_OLD",
      /Helm v3\.7\.0 is too old: azds needs 3\.8/,
    );
    await expectUntouched();
  });

  test("a chart that does not render leaves no release, no pod and no holder", async () => {
    const crooked = await newProject("crooked");
    crooked.edit("charts/crooked/templates/service.yaml", "spec:", "spec: {{ .Values.absent.key }}");
    expectFailure(await up(crooked, EMPTY), "CHART_INVALID", /service\.yaml:\d+:\d+.*nil pointer/);
    expect((await traces(EMPTY)).filter((name) => !name.startsWith("lease"))).toEqual([]);
    expect(await holders(EMPTY)).toEqual([""]);
    expect((await crooked.azds(["down", "--space", EMPTY])).code).toBe(0);
    await expectUntouched();
  });

  test("a local port that is taken stops `up` before anything is made", async () => {
    const held = await holdPort();
    const result = await project.azds(["up", "--no-tui", "--space", EMPTY, "-p", `${held.port}:80`]);
    await held.release();
    expectFailure(
      result,
      "PORT_IN_USE",
      new RegExp(`Local port ${held.port} cannot be used: another program holds it`),
    );
    await expectUntouched();
  }, 60_000);
});

describe.concurrent("pods that do not start", () => {
  test("a Dockerfile that fails on the first up names the command; mended, it works", async () => {
    const mended = await newProject("mended");
    mended.edit("Dockerfile.develop", "CMD", "RUN no-such-program --flag\nCMD");
    const result = await up(mended, PODS);
    expectFailure(result, "BUILD_FAILED", /Dockerfile\.develop:\d+: `no-such-program --flag` ended with exit code 127/);
    mended.edit("Dockerfile.develop", "RUN no-such-program --flag\n", "");
    expect((await up(mended, PODS)).code).toBe(0);
  }, 120_000);

  test("an application that ends with an error: its last lines and its exit code", async () => {
    const crashing = await newProject("crashing");
    crashing.write("server.js", 'console.error("SETTING is missing"); process.exit(3);\n');
    const result = await up(crashing, PODS);
    expectFailure(result, "POD_CRASHED", /Container `crashing` ended with exit code 3/);
    expect(result.stderr).toMatch(/^crashing-\S+: SETTING is missing$/m);
  }, 120_000);

  test("no node fits: told at once, and given up later; JSON ends with the failure", async () => {
    const nowhere = await newProject("nowhere");
    nowhere.edit("charts/nowhere/values.yaml", "nodeSelector: {}", 'nodeSelector: { e2e-bad/nowhere: "true" }');
    const result = await nowhere.azds(["up", "-d", "--space", PODS, "-o", "json"]);
    const events = result.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const cause = events.findIndex((event) => event["type"] === "cause");
    expect(events[cause]).toMatchObject({ reason: "Unschedulable" });
    expect(String(events[cause]?.["text"])).toContain("node affinity/selector");
    expect(cause).toBeLessThan(events.findIndex((event) => event["type"] === "step.failed"));
    expect(events.at(-1)).toMatchObject({ v: 1, type: "failed", code: "POD_NOT_STARTED" });
    expect(result.code).toBe(1);
  }, 120_000);

  test("an image that cannot be pulled, and a missing pull secret", async () => {
    const pulling = await newProject("pulling");
    const other = "containers:\n        - name: other\n          image: registry.invalid/team/other:1";
    pulling.edit("charts/pulling/templates/deployment.yaml", "containers:", other);
    pulling.edit("charts/pulling/values.yaml", "imagePullSecrets: []", "imagePullSecrets: [{ name: absent-secret }]");
    const result = await up(pulling, PODS);
    expectFailure(
      result,
      "POD_NOT_STARTED",
      /Image `registry\.invalid\/team\/other:1` of container `other` cannot be had: /,
    );
    expect(result.stderr).toMatch(/^pulling-\S+: FailedToRetrieveImagePullSecret: .*absent-secret/m);
  }, 120_000);

  test("a missing Secret volume is told while the pod waits; Ctrl+C ends the wait", async () => {
    const mounting = await newProject("mounting");
    const volume = "volumes: [{ name: keys, secret: { secretName: absent-keys } }]\n      containers:";
    const mount = "volumeMounts: [{ name: keys, mountPath: /keys }]\n          ports:";
    mounting.edit("charts/mounting/templates/deployment.yaml", "ports:", mount);
    mounting.edit("charts/mounting/templates/deployment.yaml", "containers:", volume);
    const command = admin.start(["up", "-d", "--space", PODS], { cwd: mounting.folder });
    await command.until(/^mounting-\S+: FailedMount: .*secret "absent-keys" not found/m);
    expect(await command.stop()).toBe(130);
  }, 120_000);
});

test("whatever failed holds nothing", async () => {
  expect(new Set(await holders(PODS))).toEqual(new Set([""]));
});
