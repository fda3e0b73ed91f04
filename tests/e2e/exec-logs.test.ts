/** Commands in the containers of a space, and what these say: plain Deployments of a baseline, and a service of `azds up`. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { jsonLines } from "../support/json-lines.ts";
import { apply, type Developer, enabledCluster, kubectlOk } from "./support/cluster.ts";
import { podReady, untilSome } from "./support/pods.ts";
import { initProject, type Project } from "./support/project.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";
import { runInTerminal, runWithInput } from "./support/terminal.ts";

const SPACE = "e2e-exec";
const SPACES = { [SPACE]: "root" };
/** Counts at standard output, each number once, and starts anew with each pod. */
const COUNTER =
  "let n = 0; setInterval(() => console.log(`${process.env.POD} ${n++}`), 50); process.on('SIGTERM', () => process.exit())";

let owner: Developer;
let project: Project | undefined;

function counter(name: string): readonly unknown[] {
  const metadata = { name, namespace: SPACE };
  const selector = { app: name };
  const container = {
    name: "app",
    image: "docker.io/library/node:20-alpine",
    imagePullPolicy: "IfNotPresent",
    command: ["node", "-e", COUNTER],
    env: [{ name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
  };
  const spec = { terminationGracePeriodSeconds: 5, containers: [container] };
  return [
    { apiVersion: "v1", kind: "Service", metadata, spec: { selector, ports: [{ port: 80 }] } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: { selector: { matchLabels: selector }, template: { metadata: { labels: selector }, spec } },
    },
  ];
}

async function rolledOut(name: string): Promise<void> {
  await kubectlOk(["-n", SPACE, "rollout", "status", `deployment/${name}`, "--timeout=90s"]);
}

async function podsOf(name: string): Promise<readonly string[]> {
  const names = await kubectlOk(["-n", SPACE, "get", "pods", "-l", `app=${name}`, "-o", "name"]);
  return names
    .trim()
    .split("\n")
    .map((line) => line.slice("pod/".length));
}

/** The ready pod that has come for `old`. */
async function replaced(name: string, old: string): Promise<string> {
  const young = await untilSome(async () => (await podsOf(name)).find((pod) => pod !== old) ?? "");
  await podReady(SPACE, young);
  return young;
}

beforeAll(async () => {
  owner = await enabledCluster();
  await labelSpaces(SPACES);
  await apply([...counter("left"), ...counter("right")]);
  await Promise.all([rolledOut("left"), rolledOut("right")]);
  const selected = await owner.azds(["space", "select", "-n", SPACE, "-y"]);
  if (selected.code !== 0) throw new Error(selected.stderr);
}, 180_000);

afterAll(async () => {
  project?.remove();
  await removeSpaces(SPACES);
}, 60_000);

describe("azds exec", () => {
  test("passes on exit code and both streams apart", async () => {
    const said = await owner.azds(["exec", "left", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]);
    expect(said).toEqual({ code: 3, stdout: "out\n", stderr: "err\n" });
  });

  test("feeds a pipe of 5 MB through `cat` and back, to its end", async () => {
    const bytes = randomBytes(5_000_000);
    const { code, stdout } = await runWithInput(owner, ["exec", "-i", "left", "--", "cat"], { input: bytes });
    expect(code).toBe(0);
    expect(Bun.SHA256.hash(stdout, "hex")).toBe(Bun.SHA256.hash(bytes, "hex"));
  }, 60_000);

  test("keeps no more of 200 MB than its reader lets it", async () => {
    const flood = ["exec", "left", "--", "head", "-c", "200000000", "/dev/zero"];
    const { code, stdout, peakBytes } = await runWithInput(owner, flood, { slowly: true });
    expect(code).toBe(0);
    expect(stdout.length).toBe(200_000_000);
    expect(peakBytes).toBeLessThan(300_000_000);
  }, 120_000);

  test("gives a terminal of the right size, raw keys, and the old terminal back", async () => {
    const terminal = runInTerminal(owner, ["exec", "-it", "left", "--", "sh"], { columns: 91, rows: 33 });
    await terminal.until(/[#$] /);
    terminal.type("stty size\r");
    await terminal.until(/33 91\r\n/);
    expect(terminal.isRaw()).toBe(true);
    terminal.resize({ columns: 70, rows: 20 });
    terminal.type("until stty size | grep '20 70'; do sleep 0.1; done\r");
    await terminal.until(/\n20 70\r\n/);
    terminal.type("echo be''gun; sleep 100\r");
    await terminal.until(/begun/);
    terminal.type("\u0003");
    await terminal.until(/\^C/);
    terminal.type("echo al''ive\r");
    await terminal.until(/alive/);
    terminal.type("exit 7\r");
    expect(await terminal.exited).toBe(7);
    expect(terminal.isRaw()).toBe(false);
  }, 60_000);

  test.each(["SIGTERM", "SIGHUP"] as const)("gives the old terminal back after %s", async (signal) => {
    const terminal = runInTerminal(owner, ["exec", "-it", "left", "--", "sh"], { columns: 80, rows: 24 });
    await terminal.until(/[#$] /);
    expect(terminal.isRaw()).toBe(true);
    terminal.kill(signal);
    expect(await terminal.exited).toBe(130);
    expect(terminal.isRaw()).toBe(false);
  });

  test("needs no shell in the image, and tells a program that is not there", async () => {
    const proxy = ["exec", "left", "-c", "devspaces-proxy", "--"];
    expect(await owner.azds([...proxy, "/azds/azds", "--version"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^azds \d/) as string,
    });
    const missing = await owner.azds([...proxy, "sh"]);
    expect(missing.code).toBe(127);
    expect(missing.stderr).toContain("error[PROGRAM_NOT_FOUND]: Container `devspaces-proxy` has no program `sh`");
    const closed = await owner.azds(["exec", "left", "--", "/etc/passwd"]);
    expect(closed.code).toBe(126);
    expect(closed.stderr).toContain("error[PROGRAM_NOT_EXECUTABLE]");
  });

  test("tells what is not there, and a pod that goes meanwhile", async () => {
    expect((await owner.azds(["exec", "nobody", "--", "ls"])).stderr).toContain("error[SERVICE_NOT_FOUND]");
    expect((await owner.azds(["exec", "left", "-c", "x", "--", "ls"])).stderr).toContain("`devspaces-proxy`, `app`");
    const [pod = ""] = await podsOf("right");
    const running = owner.start([
      "exec",
      "right",
      "--",
      "sh",
      "-c",
      "trap '' TERM; echo here; while :; do sleep 1; done",
    ]);
    await running.until(/here/);
    await kubectlOk(["-n", SPACE, "delete", "pod", pod, "--force", "--grace-period=0"]);
    const code = await running.stop("SIGCONT");
    expect([1, 137]).toContain(code);
    if (code === 1) expect(running.output()).toContain("error[POD_GONE]");
    await replaced("right", pod);
  }, 60_000);

  test("runs in the session's container of this folder's service, and its log is read", async () => {
    project = await initProject(owner, "web");
    const up = await project.azds(["up", "-d"]);
    expect(up.stderr).toBe("");
    expect(up.code).toBe(0);
    const said = await project.azds(["exec", "--", "node", "-p", "process.cwd() !== '/' && 6 * 7"]);
    expect(said).toEqual({ code: 0, stdout: "42\n", stderr: "" });
    expect((await project.azds(["logs"])).stdout).toMatch(/^\S*web\S*: /m);
  }, 180_000);
});

describe("azds logs", () => {
  interface Said {
    readonly pod: string;
    readonly number: number;
    readonly time: string;
  }

  function said(output: string): readonly Said[] {
    return jsonLines(output)
      .filter(({ type }) => type === "log")
      .map(({ text, time }) => {
        const [pod = "", number = ""] = String(text).split(" ");
        return { pod, number: Number(number), time: String(time) };
      });
  }

  test("merges two services in the order of time", async () => {
    const { stdout } = await owner.azds(["logs", "left", "right", "-o", "json"]);
    const lines = said(stdout);
    const times = lines.map(({ time }) => time);
    expect(times).toEqual(times.toSorted());
    expect(new Set(lines.map(({ pod }) => pod.split("-")[0]))).toEqual(new Set(["left", "right"]));
    expect(new Set(jsonLines(stdout).map(({ container }) => container))).toEqual(new Set(["app"]));
  });

  test("shows the last lines, and of every service, with its name before them", async () => {
    const { stdout } = await owner.azds(["logs", "--all", "--tail", "2"]);
    for (const name of ["left", "right"])
      expect(stdout.split("\n").filter((line) => line.startsWith(`${name}-`))).toHaveLength(2);
    expect(stdout).not.toContain("devspaces-");
  });

  test("follows two services, with a pod replaced meanwhile, each line once", async () => {
    const following = owner.start(["logs", "-f", "left", "right", "-o", "json"]);
    const [old = ""] = await podsOf("left");
    await following.until(new RegExp(`"text":"${old} `));
    await kubectlOk(["-n", SPACE, "delete", "pod", old, "--timeout=60s"]);
    const young = await replaced("left", old);
    await following.until(new RegExp(`"text":"${young} 20"`));
    expect(await following.stop()).toBe(130);
    const lines = said(following.output());
    const pods = new Set(lines.map(({ pod }) => pod));
    expect(pods).toContain(young);
    for (const pod of pods) {
      const numbers = lines.filter((line) => line.pod === pod).map(({ number }) => number);
      expect(numbers).toEqual(numbers.map((_, index) => index));
    }
  }, 120_000);
});
