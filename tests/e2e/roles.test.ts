/** A developer with the roles of azds and nothing else: everything of a space from its creation to its removal, and no more. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { dirname } from "node:path";
import { userKubeconfig } from "../cluster/cluster.ts";
import { apply, type CommandResult, type Developer, developer, enabledCluster, kubectlOk } from "./support/cluster.ts";
import { getServed } from "./support/http.ts";
import { initProject, type Project } from "./support/project.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";

const USER = "e2e-role-alice";
const ROOT = "e2e-role-root";
/** Another root, which the user has no part in. */
const OTHER = "e2e-role-other";
/** Made by the user, below ROOT. */
const CHILD = "e2e-role-alice";
const SPACES = { [ROOT]: "root", [OTHER]: "root" };
const ROLES = ["azds-space-creator", "azds-viewer"];

let alice: Developer;
let project: Project;

beforeAll(async () => {
  const admin = await enabledCluster();
  await labelSpaces(SPACES);
  await apply(
    ROLES.map((role) => ({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: `e2e-role-${role}` },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: USER }],
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    })),
  );
  alice = developer(await userKubeconfig(dirname(admin.kubeconfig), USER));
  project = await initProject(alice, "web");
}, 180_000);

afterAll(async () => {
  project.remove();
  await kubectlOk(["delete", "clusterrolebinding", ...ROLES.map((role) => `e2e-role-${role}`), "--ignore-not-found"]);
  await removeSpaces({ ...SPACES, [CHILD]: ROOT });
}, 60_000);

async function succeed(args: readonly string[]): Promise<CommandResult> {
  const result = await project.azds(args);
  expect(result.stderr).toBe("");
  expect(result.code).toBe(0);
  return result;
}

/** kubectl with the user's own credentials; resolves with what it says when it is refused. */
async function refusal(args: readonly string[], input?: unknown): Promise<string> {
  const stdin = input === undefined ? "ignore" : new Blob([JSON.stringify(input)]);
  const child = Bun.spawn(["kubectl", "--kubeconfig", alice.kubeconfig, ...args], {
    stdin,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [said, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  expect(code).not.toBe(0);
  return said;
}

describe("a developer's own space", () => {
  test("space select creates it below a root that somebody else made", async () => {
    const { stdout } = await succeed(["space", "select", "-n", `${ROOT}/${CHILD}`, "-y"]);
    expect(stdout).toContain(`Creating and selecting dev space '${ROOT}/${CHILD}'`);
    expect((await succeed(["space", "list"])).stdout).toContain(CHILD);
  });

  test("up -d builds and runs", async () => {
    const { stdout } = await succeed(["up", "-d"]);
    expect(stdout).toContain(`Service 'web' is running in dev space '${ROOT}/${CHILD}'`);
  }, 120_000);

  test("route explain asks the own sidecar for the way to its service, and --live shows it", async () => {
    expect((await succeed(["route", "explain", "web"])).stdout).toMatch(new RegExp(`^answer +${CHILD}/web at `, "m"));
    const host = `http://${CHILD}.s.${ROOT}.web.azds.localhost/`;
    expect((await succeed(["route", "explain", host])).stdout).toMatch(new RegExp(`^answer +${CHILD}/web at `, "m"));
    const { stdout } = await succeed(["route", "explain", host, "--live"]);
    expect(stdout).toMatch(new RegExp(`^GET \\S+ +${CHILD}/web +${CHILD}/web-\\S+ +200 `, "m"));
  }, 30_000);

  test("up stays attached: the local gateway answers, and list-up and list-uris know it", async () => {
    project.write("service.json", JSON.stringify({ name: "changed" }));
    const command = alice.start(["up", "--no-tui"], { cwd: project.folder });
    const output = await command.until(/Press Ctrl\+C to detach/);
    const pattern = new RegExp(`available at (http://${CHILD}\\.s\\.${ROOT}\\.web\\.azds\\.localhost:\\d+/)`);
    const url = pattern.exec(output)?.[1] ?? "";
    await command.until(/changed listens/);
    expect(await getServed(url)).toBe('200 ["changed"]');
    expect((await succeed(["list-up"])).stdout).toMatch(new RegExp(`^web +${CHILD} +Service +.*Running`, "m"));
    expect((await succeed(["list-uris"])).stdout).toContain(url);
    expect(await command.stop()).toBe(0);
  }, 120_000);

  test("down, and space remove with everything in it", async () => {
    await succeed(["down"]);
    const removed = await alice.azds(["space", "remove", "-n", CHILD, "-y"]);
    expect(removed.code).toBe(0);
    expect((await kubectlOk(["get", "namespaces", "-o", "name"])).split("\n")).not.toContain(`namespace/${CHILD}`);
  }, 120_000);
});

describe("what the roles do not give", () => {
  test("the Secrets and settings of the parent", async () => {
    for (const kind of ["secrets", "configmaps"]) {
      expect(await refusal(["-n", ROOT, "get", kind])).toMatch(
        new RegExp(`User "${USER}" cannot list resource "${kind}"`),
      );
    }
  });

  test("work in the parent", async () => {
    const result = await project.azds(["up", "-d", "--space", ROOT]);
    expect(result.stderr).toMatch(
      /error\[FORBIDDEN\]: User `e2e-role-alice` may not `create` `leases\.coordination\.k8s\.io` in namespace `e2e-role-root`/,
    );
    expect(result.code).toBe(1);
  });

  test.each([ROOT, OTHER, "azds", "kube-node-lease"])("the removal of namespace %s", async (name) => {
    expect(await refusal(["delete", "namespace", name])).toMatch(/are reserved|created by the same user/);
    expect((await kubectlOk(["get", "namespace", name, "-o", "jsonpath={.status.phase}"])).trim()).toBe("Active");
  });

  test("space remove of somebody else's space", async () => {
    const result = await alice.azds(["space", "remove", "-n", OTHER, "-y"]);
    expect(result.stderr).toMatch(/error\[FORBIDDEN\]: .*only spaces created by the same user/);
    expect(result.code).toBe(1);
  });

  test("namespaces that are no spaces, and names of the system", async () => {
    const namespace = (name: string, labels = {}): unknown => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, labels },
    });
    const space = { "azds.io/space": "true" };
    expect(await refusal(["create", "-f", "-"], namespace("e2e-role-plain"))).toContain(
      "label the namespace azds.io/space=true",
    );
    expect(await refusal(["create", "-f", "-"], namespace("kube-e2e-role", space))).toContain("kube-* are reserved");
    const privileged = { ...space, "pod-security.kubernetes.io/enforce": "privileged" };
    expect(await refusal(["create", "-f", "-"], namespace("e2e-role-privileged", privileged))).toContain(
      "may write only labels of azds.io/",
    );
  });

  test("labels on a namespace of somebody else", async () => {
    expect(await refusal(["label", "namespace", OTHER, "azds.io/parent-space=e2e-role-root"])).toContain(
      "only spaces created by the same user",
    );
  });

  test("cluster enable with other settings, and cluster disable: the missing right is named", async () => {
    for (const args of [["enable", "--host-suffix", ".e2e.example"], ["disable"]]) {
      const result = await alice.azds(["cluster", ...args, "-y"]);
      expect(result.stderr).toMatch(/^error\[FORBIDDEN\]: .*`(?:create|list|delete) ?[a-z.`]+/m);
      expect(result.code).toBe(1);
    }
  });

  test("cluster enable without settings selects a space and changes nothing", async () => {
    const result = await alice.azds(["cluster", "enable", "-s", ROOT, "-y"]);
    expect(result.stderr).toBe("");
    expect(result.code).toBe(0);
  });
});
