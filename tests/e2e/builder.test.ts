/** What the builders do beyond one build on one node: images that come back, secrets, private base images, cancelling. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { join } from "node:path";
import { developer, enabledCluster, kubectlOk } from "./support/cluster.ts";
import { initProject, type Project } from "./support/project.ts";
import { inNode, nodeNames, removeImage, runsDocker } from "./support/node.ts";
import { privateRegistry } from "./support/private-registry.ts";
import { podEvents, readySessionPod, type SessionPod } from "./support/session-pods.ts";

const SPACE = "builds";

let project: Project;

const readyPod = async (before?: string): Promise<SessionPod> => readySessionPod(SPACE, before);
const events = async (pod: string): Promise<string> => podEvents(SPACE, pod);

/** New pods run, and are built, on this node alone until it is disposed of. */
async function scheduleOnlyOn(node: string): Promise<AsyncDisposable> {
  const others = (await nodeNames()).filter((name) => name !== node);
  const each = async (verb: string): Promise<unknown> =>
    Promise.all(others.map(async (name) => kubectlOk([verb, name])));
  await each("cordon");
  return { [Symbol.asyncDispose]: async () => void (await each("uncordon")) };
}

beforeAll(async () => {
  await enabledCluster();
  const admin = developer();
  await admin.azds(["space", "select", "-n", SPACE, "-y"]);
  project = await initProject(admin, "web");
  const up = await project.azds(["up", "-d"]);
  if (up.code !== 0) throw new Error(up.stdout + up.stderr);
}, 180_000);

afterAll(async () => {
  await project.azds(["down", "-y"]);
  project.remove();
});

describe("an image comes back", () => {
  test("to a new pod on the node that removed it", async () => {
    const pod = await readyPod();
    await removeImage(pod.node, pod.image);
    await kubectlOk(["-n", SPACE, "delete", "pod", pod.name, "--wait=false"]);
    const next = await readyPod(pod.name);
    expect(next.image).toBe(pod.image);
    expect(await events(next.name)).toMatch(/ImageRestored: Image \S+ (was missing|was fetched)/);
  }, 100_000);

  test("to a pod on another node, from the one that is drained", async () => {
    const pod = await readyPod();
    const other = (await nodeNames()).find((name) => name !== pod.node);
    if (other === undefined) return;
    await kubectlOk(["cordon", pod.node]);
    try {
      // Nothing of it may be there from an earlier run.
      await removeImage(other, pod.image);
      await kubectlOk(["-n", SPACE, "delete", "pod", pod.name, "--wait=false"]);
      const next = await readyPod(pod.name);
      expect(next).toMatchObject({ node: other, image: pod.image });
      expect(await events(next.name)).toContain("ImageRestored");
    } finally {
      await kubectlOk(["uncordon", pod.node]);
    }
  }, 100_000);
});

describe("a build", () => {
  const files = ["azds.yaml", "Dockerfile.develop"] as const;
  let before: readonly string[];

  // None of them may need what the one before it left behind: the next pod may be built on a node that has not seen it.
  beforeAll(() => {
    before = files.map((file) => project.read(file));
  });
  beforeEach(() => {
    for (const [index, file] of files.entries()) project.write(file, before[index] ?? "");
  });

  test("uses secrets and the SSH agent, and shows and keeps none of them", async () => {
    const token = `t0k-${crypto.randomUUID()}`;
    const agent = createServer((socket) => {
      // "No identities" (draft-miller-ssh-agent §3.5).
      socket.once("data", () => socket.write(Buffer.from([0, 0, 0, 5, 12, 0, 0, 0, 0])));
    });
    const path = join(project.folder, "..", "agent.sock");
    await new Promise<void>((resolve) => agent.listen(path, resolve));
    project.edit("azds.yaml", "build:\n", "build:\n  secrets:\n    tok: { env: TOK }\n  ssh: [default]\n");
    const question = "s=require('net').connect(process.env.SSH_AUTH_SOCK,()=>s.write(Buffer.from([0,0,0,1,11])))";
    // The answer's length may come before the answer.
    const heard = "b=Buffer.concat([b,d]);if(b.length>4){console.log('agent says',b[4]);process.exit()}";
    const answer = `b=Buffer.alloc(0);s.on('data',d=>{${heard}})`;
    project.edit(
      "Dockerfile.develop",
      "COPY . .",
      [
        // A new step each time: one from the cache says nothing.
        `RUN --mount=type=secret,id=tok,required=true echo ${Date.now()} said $(cat /run/secrets/tok)`,
        `RUN --mount=type=ssh node -e "${question};${answer}"`,
        "COPY . .",
      ].join("\n"),
    );
    const up = await project.azds(["up", "-d"], { TOK: token, SSH_AUTH_SOCK: path });
    agent.close();
    expect(up.stdout + up.stderr).toContain("said ***");
    expect(up.stdout + up.stderr).toContain("agent says 12");
    expect(up.code).toBe(0);
    const pod = await readyPod();
    const folders = [
      "/var/lib/azds-builder",
      "/var/lib/azds-buildkit",
      "/var/lib/containerd/io.containerd.content.v1.content",
      ...(runsDocker(pod.node) ? ["/var/lib/docker"] : []),
    ];
    const found = await inNode(pod.node, ["sh", "-c", `grep -rl ${token} ${folders.join(" ")} || true`]);
    expect(found).toBe("");
  }, 120_000);

  test("stops on the node when the developer presses Ctrl+C", async () => {
    const seconds = String(10_000 + Math.floor(Math.random() * 10_000));
    project.edit("Dockerfile.develop", "COPY . .", `RUN sleep ${seconds}\nCOPY . .`);
    const nodes = await nodeNames();
    const runs = async (pattern: string): Promise<boolean> => {
      const count = ["sh", "-c", `pgrep -fc "${pattern}" || true`];
      const counts = await Promise.all(nodes.map(async (node) => inNode(node, count)));
      return counts.some((text) => text.trim() !== "0");
    };
    const until = async (pattern: string, wanted: boolean): Promise<void> => {
      for (let round = 0; round < 100 && (await runs(pattern)) !== wanted; round += 1) await Bun.sleep(100);
      expect(await runs(pattern)).toBe(wanted);
    };
    const command = project.start(["up", "--no-tui"]);
    await command.until(new RegExp(`RUN sleep ${seconds}`));
    await until(`^sleep ${seconds}$`, true);
    expect(await command.stop()).toBe(130);
    await until(`^sleep ${seconds}$`, false);
    await until("^/tools/buildctl", false);
  }, 120_000);

  // Docker has no layout to serve; tests/e2e/docker.test.ts starts from a registry.
  test.skipIf(runsDocker("node1"))(
    "starts from a private image with the pull secret that the chart names",
    async () => {
      const pod = await readyPod();
      await using held = new AsyncDisposableStack();
      held.use(await privateRegistry(pod.node));
      held.use(await scheduleOnlyOn(pod.node));
      await kubectlOk(["-n", SPACE, "delete", "secret", "private", "--ignore-not-found"]);
      const login = ["--docker-server=localhost:5000", "--docker-username=bob", "--docker-password=pass"];
      await kubectlOk(["-n", SPACE, "create", "secret", "docker-registry", "private", ...login]);
      const dockerfile = "FROM localhost:5000/private/base:1 AS private\nFROM node";
      project.edit("Dockerfile.develop", "FROM node", dockerfile);
      project.edit("Dockerfile.develop", "COPY . .", "COPY --from=private /etc/alpine-release /private\nCOPY . .");
      const refused = await project.azds(["up", "-d"]);
      expect(refused.stderr).toContain("401 Unauthorized");
      project.edit("azds.yaml", "    image:\n", "    imagePullSecrets: [{ name: private }]\n    image:\n");
      const up = await project.azds(["up", "-d"]);
      expect(up.stdout + up.stderr).toContain("is running in dev space");
    },
    120_000,
  );
});
