/** What was saved in place outlives the pod that had it, with no developer attached. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Developer, enabledCluster, kubectl, kubectlOk, type RunningCommand } from "./support/cluster.ts";
import { inNode, nodeNames } from "./support/node.ts";
import { initProject, type Project } from "./support/project.ts";
import { readySessionPod, type SessionPod } from "./support/session-pods.ts";

const SPACE = "edits";
const READY_MS_MAX = 60_000;

let admin: Developer;
let project: Project;

interface Pod extends SessionPod {
  readonly served: string;
}

/** The one ready pod whose name is another than `before`, and what its application answers. */
async function readyPod(before = ""): Promise<Pod> {
  for (const end = Date.now() + READY_MS_MAX; Date.now() < end; await Bun.sleep(250)) {
    const pod = await readySessionPod(SPACE, before);
    const script = "fetch('http://127.0.0.1:' + process.env.PORT).then(async (r) => console.log(await r.text()))";
    const served = await kubectl(["-n", SPACE, "exec", pod.name, "-c", "web", "--", "node", "-e", script]);
    if (served.code === 0) return { ...pod, served: served.stdout.trim() };
  }
  throw new Error(`No pod that answers:\n${await kubectlOk(["-n", SPACE, "get", "pods,events"])}`);
}

async function inContainer(pod: string, path: string): Promise<string | undefined> {
  const result = await kubectl(["-n", SPACE, "exec", pod, "-c", "web", "--", "cat", `/app/${path}`]);
  return result.code === 0 ? result.stdout : undefined;
}

/** Does `work` while `up` is attached, then detaches. */
async function attached(work: (command: RunningCommand) => Promise<void>): Promise<string> {
  const command = admin.start(["up", "--no-tui", "-v"], { cwd: project.folder });
  await command.until(/Press Ctrl\+C to detach/);
  try {
    await work(command);
  } finally {
    await command.stop();
  }
  return command.output();
}

async function rename(command: RunningCommand, name: string): Promise<void> {
  project.write("service.json", JSON.stringify({ name }));
  await command.until(new RegExp(`${name} listens`));
}

async function listed(): Promise<string> {
  const result = await admin.azds(["list-up"]);
  return result.stdout + result.stderr;
}

beforeAll(async () => {
  admin = await enabledCluster();
  await admin.azds(["space", "select", "-n", SPACE, "-y"]);
  project = await initProject(admin, "web");
  mkdirSync(join(project.folder, "public"));
  project.write("public/goes.css", "built");
  const up = await project.azds(["up", "-d"]);
  if (up.code !== 0) throw new Error(up.stdout + up.stderr);
}, 180_000);

afterAll(async () => {
  await project.azds(["down", "-y"]);
  await admin.azds(["space", "remove", "-n", SPACE, "-y"]);
  project.remove();
}, 120_000);

describe("edits in place", () => {
  test("are in the pod that follows a deleted one: changes, new files and deletions", async () => {
    const pod = await readyPod();
    expect(pod.served).toBe('["web"]');
    const output = await attached(async (command) => {
      project.write("public/new.css", "new");
      await command.until(/public\/new\.css` changed: copied/);
      rmSync(join(project.folder, "public/goes.css"));
      await command.until(/public\/goes\.css` changed: copied/);
      await rename(command, "edited");
    });
    expect(output).toMatch(/Left 3 edits on node `node\d`/);
    await kubectlOk(["-n", SPACE, "delete", "pod", pod.name, "--wait=false"]);
    const next = await readyPod(pod.name);
    expect(next).toMatchObject({ image: pod.image, served: '["edited"]' });
    expect(await inContainer(next.name, "public/new.css")).toBe("new");
    expect(await inContainer(next.name, "public/goes.css")).toBeUndefined();
    expect(await listed()).not.toContain("lost");
  }, 180_000);

  test("go along to another node when theirs is drained", async () => {
    const pod = await readyPod();
    if ((await nodeNames()).length < 2) return;
    await attached((command) => rename(command, "drained"));
    const only = ["--pod-selector", "azds.io/session", "--ignore-daemonsets", "--delete-emptydir-data", "--force"];
    try {
      await kubectlOk(["drain", pod.node, ...only, "--timeout=60s"]);
      const next = await readyPod(pod.name);
      expect(next.node).not.toBe(pod.node);
      expect(next).toMatchObject({ image: pod.image, served: '["drained"]' });
      expect(await inContainer(next.name, "public/goes.css")).toBeUndefined();
    } finally {
      await kubectlOk(["uncordon", pod.node]);
    }
  }, 180_000);

  test("brought by `up -d` outlive the pod, too", async () => {
    project.write("service.json", JSON.stringify({ name: "detached" }));
    const up = await project.azds(["up", "-d"]);
    expect(up.stdout).toContain("1 file brought up to date");
    const pod = await readyPod();
    expect(pod.served).toBe('["detached"]');
    await kubectlOk(["-n", SPACE, "delete", "pod", pod.name, "--wait=false"]);
    expect((await readyPod(pod.name)).served).toBe('["detached"]');
  }, 180_000);

  test("that no builder has are told by list-up, and brought again by up", async () => {
    const pod = await readyPod();
    for (const node of await nodeNames()) await forgetEdits(node);
    await kubectlOk(["-n", SPACE, "delete", "pod", pod.name, "--wait=false"]);
    const next = await readyPod(pod.name);
    expect(next.served).toBe('["web"]');
    expect(await listed()).toMatch(/Service 'web': 3 edits in place are lost .*`azds up` brings them again/);
    await project.azds(["up", "-d"]);
    expect((await readyPod()).served).toBe('["detached"]');
    expect(await listed()).not.toContain("lost");
  }, 180_000);

  test("of an earlier build never lie over a newer image", async () => {
    project.write("Dockerfile.develop", `${await Bun.file(join(project.folder, "Dockerfile.develop")).text()}\n`);
    project.write("service.json", JSON.stringify({ name: "rebuilt" }));
    project.write("public/goes.css", "again");
    const before = await readyPod();
    const up = await project.azds(["up", "-d"]);
    expect(up.stdout).toContain("Building container image");
    const pod = await readyPod(before.name);
    await kubectlOk(["-n", SPACE, "delete", "pod", pod.name, "--wait=false"]);
    const next = await readyPod(pod.name);
    expect(next.served).toBe('["rebuilt"]');
    expect(await inContainer(next.name, "public/goes.css")).toBe("again");
    expect(await listed()).not.toContain("lost");
  }, 180_000);
});

/** As a builder's disk that was lost does. */
async function forgetEdits(node: string): Promise<void> {
  await inNode(node, ["sh", "-c", `rm -rf /var/lib/azds-builder/${SPACE}/trees/*/edits-*`]);
}
