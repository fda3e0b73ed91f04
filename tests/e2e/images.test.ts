/**
 * Images of every kind under every restriction: each combination works that Kubernetes itself admits.
 * `make test` takes a selection, `make prove-images` all.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { apply, type Developer, enabledCluster, kubectlOk, type RunningCommand } from "./support/cluster.ts";
import { getServed } from "./support/http.ts";
import {
  type Combination,
  COMBINATIONS,
  isAdmitted,
  LEVELS,
  type MatrixPlan,
  matrixProject,
  type MatrixProject,
  nameOf,
  needsVolume,
  projectOf,
  SELECTION,
} from "./support/matrix.ts";

const PROVES = process.env["AZDS_PROVE"] === "images";
const CHOSEN = PROVES ? COMBINATIONS : SELECTION;

let admin: Developer;
const projects: MatrixProject[] = [];

function spaceOf(level: string): string {
  return `e2e-images-${level}`;
}

beforeAll(async () => {
  admin = await enabledCluster();
  await apply(
    LEVELS.map((level) => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: {
        name: spaceOf(level),
        labels: { "azds.io/space": "true", "pod-security.kubernetes.io/enforce": level },
      },
    })),
  );
}, 120_000);

afterAll(async () => {
  for (const { folder } of projects) rmSync(dirname(folder), { recursive: true, force: true });
  await kubectlOk(["delete", "namespace", ...LEVELS.map(spaceOf), "--ignore-not-found", "--wait=false"]);
}, 60_000);

function made(project: MatrixProject): MatrixProject {
  projects.push(project);
  return project;
}

for (const combination of CHOSEN.filter(isAdmitted)) {
  test(`${nameOf(combination)}: ${needsVolume(combination) ? "works, with a volume" : "works"}`, async () => {
    const project = made(projectOf(admin, combination));
    const space = ["--space", spaceOf(combination.level)];
    const command = admin.start(["up", "--no-tui", ...space], { cwd: project.folder });
    try {
      await command.until(/Press Ctrl\+C to detach/);
      await expectSaves(combination, project, command);
      const exec = await project.azds(["exec", ...space, "--", "server", "id"]);
      expect({ code: exec.code, stdout: exec.stdout }).toEqual({ code: 0, stdout: `${idOf(combination)}\n` });
    } finally {
      await command.stop();
    }
    expect(command.output().match(/laying a volume over it/g)?.length ?? 0).toBe(needsVolume(combination) ? 1 : 0);
    const again = await project.azds(["up", "-d", ...space]);
    expect(again.stdout).toContain("Nothing to build");
    expect((await project.azds(["down", ...space])).code).toBe(0);
  }, 240_000);
}

/** A file that is copied, one that restarts the application, and build commands that fail. */
async function expectSaves(combination: Combination, project: MatrixProject, command: RunningCommand): Promise<void> {
  const url = /port forwarding at (http:\S+)/.exec(command.output())?.[1] ?? "";
  const who = `${idOf(combination)}, writes here`;
  expect(await getServed(url)).toBe(`200 one, one, ${who}`);
  project.write("public/a.txt", "two");
  await command.until(/`public\/a\.txt` changed: copied in/);
  expect(await getServed(url)).toBe(`200 one, two, ${who}`);
  project.write("start.txt", "three");
  await command.until(/`start\.txt` changed: restarted in/);
  await command.until(/three listens/);
  expect(await getServed(url)).toBe(`200 three, two, ${who}`);
  project.write("failing.txt", "1");
  await command.until(/UPDATE_FAILED: `server check` ended with exit code 3; the running service was left as it is/);
  project.write("shell.txt", "1");
  const why = combination.image === "no-shell" ? "cannot be started: `sh` was not found" : "ended with exit code 4";
  await command.until(new RegExp(`UPDATE_FAILED: \`sh -c exit 4\` ${why}`));
  expect(await getServed(url)).toBe(`200 three, two, ${who}`);
}

/** The image of Node.js alone has an account for the user, with a group. */
function idOf({ image, user }: Combination): string {
  return `uid=${user} gid=${image === "glibc" ? user : 0}`;
}

describe("what Kubernetes refuses at the level *restricted* without azds as well", () => {
  test.each(CHOSEN.filter((each) => !isAdmitted(each)).map((each) => [nameOf(each), each] as const))(
    "%s: told at once",
    async (_, combination) => {
      const project = made(projectOf(admin, combination));
      const space = ["--space", spaceOf(combination.level)];
      const { code, stderr } = await project.azds(["up", "-d", ...space]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/error\[POD_NOT_STARTED\]: .*runAsNonRoot and image will run as root/);
      await project.azds(["down", ...space]);
    },
    120_000,
  );
});

/** Pods that are unlike what a chart of `azds init` makes. All of them in the namespace without a level. */
describe.skipIf(!PROVES)("pods with wishes of their own", () => {
  const space = ["--space", spaceOf("privileged")];

  async function attached(plan: MatrixPlan, work: (up: Attached) => Promise<void>): Promise<string> {
    const project = made(matrixProject(admin, plan));
    const command = admin.start(["up", "--no-tui", ...space], { cwd: project.folder });
    try {
      await command.until(/Press Ctrl\+C to detach/);
      const url = /port forwarding at (http:\S+)/.exec(command.output())?.[1] ?? "";
      await work({ project, command, url });
    } finally {
      await command.stop();
    }
    expect((await project.azds(["down", ...space])).code).toBe(0);
    return command.output();
  }

  test("users and groups of the pod over those of the image, and no rights at all", async () => {
    const output = await attached(
      {
        name: "mx-groups",
        image: "glibc",
        user: 0,
        pod: { securityContext: { runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, runAsNonRoot: true } },
        container: { securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } } },
      },
      async ({ project, command, url }) => {
        expect(await getServed(url)).toBe("200 one, one, uid=1000 gid=3000, writes here");
        project.write("start.txt", "two");
        await command.until(/two listens/);
      },
    );
    expect(output).toContain("User 1000 may not write in `/app`: laying a volume over it");
  }, 240_000);

  test("an image that runs as root where the pod forbids it is told at once", async () => {
    const plan = { name: "mx-nonroot", image: "musl", user: 0, pod: { securityContext: { runAsNonRoot: true } } };
    const project = made(matrixProject(admin, plan));
    const { code, stderr } = await project.azds(["up", "-d", ...space]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/error\[POD_NOT_STARTED\]: .*runAsNonRoot and image will run as root/);
    await project.azds(["down", ...space]);
  }, 120_000);

  test("an image whose working directory is `/` is brought nothing but new images", async () => {
    const target = "\nFROM musl AS at-root\nWORKDIR /\nCOPY start.txt ./\nCOPY public ./public\n";
    const project = made(matrixProject(admin, { name: "mx-at-root", image: "at-root", user: 0, dockerfile: target }));
    const why = "SYNC_TARGET_UNWRITABLE: Files cannot be brought to `/`";
    expect((await project.azds(["up", "-d", ...space])).code).toBe(0);
    project.write("public/a.txt", "two");
    const again = await project.azds(["up", "-d", ...space]);
    expect(again.stderr).toContain(why);
    expect((await project.azds(["exec", ...space, "--", "cat", "/public/a.txt"])).stdout).toBe("two");
    const command = admin.start(["up", "--no-tui", ...space], { cwd: project.folder });
    await command.until(/Press Ctrl\+C to detach/);
    project.write("public/a.txt", "three");
    await command.until(/`public\/a\.txt` changed: rebuilding the image, Files cannot be brought to `\/`/);
    await command.until(/rebuilding the image[^]*Waiting for container\.\.\.\d/);
    expect((await project.azds(["exec", ...space, "--", "cat", "/public/a.txt"])).stdout).toBe("three");
    await command.stop();
    expect(command.output()).toContain(why);
    expect(command.output()).not.toContain("laying a volume");
    await project.azds(["down", ...space]);
  }, 240_000);

  test("files land where azds.yaml says, in a folder that the image does not have, and its command runs there", async () => {
    const output = await attached(
      {
        name: "mx-elsewhere",
        image: "no-shell",
        user: 1000,
        develop: { syncTarget: "/srv/elsewhere", command: ["server", "from-azds-yaml"] },
        container: { workingDir: "/srv/elsewhere", command: ["/not/there"] },
      },
      async ({ project, command, url }) => {
        await command.until(/one listens/);
        expect(await getServed(url)).toBe("200 one, one, uid=1000 gid=0, writes here");
        project.write("start.txt", "two");
        await command.until(/two listens/);
      },
    );
    expect(output).toContain("may not write in `/srv/elsewhere`: laying a volume over it");
  }, 240_000);

  test("a volume of the pod's own where files would land, which it may not write, leaves images alone", async () => {
    const own = { name: "own", mountPath: "/app", readOnly: true };
    const output = await attached(
      {
        name: "mx-own-volume",
        image: "musl",
        user: 0,
        container: { volumeMounts: [own] },
        pod: { volumes: [{ name: "own", emptyDir: {} }] },
      },
      async ({ project, command }) => {
        project.write("public/a.txt", "two");
        await command.until(/`public\/a\.txt` changed: rebuilding the image, User 0 cannot write in `\/app`/);
      },
    );
    expect(output).toMatch(
      /SYNC_TARGET_UNWRITABLE: User 0 cannot write in `\/app`: the file system is read-only \(sync-volume: .*`\/app`\)\)/,
    );
  }, 240_000);

  test("a terminal of the container", async () => {
    await attached(
      { name: "mx-tty", image: "musl", user: 0, container: { tty: true, stdin: true } },
      async ({ project, command, url }) => {
        project.write("start.txt", "two");
        await command.until(/two listens/);
        expect(await getServed(url)).toBe("200 two, one, uid=0 gid=0, writes here");
      },
    );
  }, 240_000);

  test("of two containers of the session the first is updated, and the second says so", async () => {
    await attached(
      { name: "mx-two", image: "musl", user: 0, values: { second: true } },
      async ({ project, command, url }) => {
        project.write("start.txt", "two");
        await command.until(/two listens/);
        expect(await getServed(url)).toBe("200 two, one, uid=0 gid=0, writes here");
        const logs = await kubectlOk(["-n", spaceOf("privileged"), "logs", "deploy/azds-mx-two", "-c", "second"]);
        expect(logs).toContain("azds: cannot listen on port 19050");
      },
    );
  }, 240_000);

  test("a Job runs to its end, and Kubernetes lets it not be changed", async () => {
    const plan = {
      name: "mx-job",
      image: "no-shell",
      user: 1000,
      values: { job: true },
      container: { args: ["server", "id"] },
    };
    const project = made(matrixProject(admin, plan));
    const { code, stdout, stderr } = await project.azds(["up", "-d", ...space]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("is running");
    const done = ["wait", "--for=condition=Complete", "job/azds-mx-job", "--timeout=60s"];
    await kubectlOk(["-n", spaceOf("privileged"), ...done]);
    expect(await kubectlOk(["-n", spaceOf("privileged"), "logs", "job/azds-mx-job", "-c", "app"])).toBe(
      "uid=1000 gid=0\n",
    );
    project.write("start.txt", "two");
    const again = await project.azds(["up", "-d", ...space]);
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/error\[RELEASE_FAILED\]: .*immutable/);
    await project.azds(["down", ...space]);
  }, 240_000);
});

interface Attached {
  readonly project: MatrixProject;
  readonly command: RunningCommand;
  readonly url: string;
}
