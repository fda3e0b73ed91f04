/** The main job on a real cluster: init, up, a change, a failing build, a crash, down. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Developer,
  enabledCluster,
  HELM,
  kubectlOk,
  type RunningCommand,
  scratchFolder,
} from "./support/cluster.ts";
import { getServed } from "./support/http.ts";

const PROJECT = join(import.meta.dir, "../projects/chain");

let admin: Developer;
let folder: string;

function writeService(name: string): void {
  writeFileSync(join(folder, "service.json"), JSON.stringify({ name }));
}

interface PodList {
  readonly items: readonly {
    readonly spec: {
      readonly nodeName: string;
      readonly containers: readonly { readonly image: string; readonly imagePullPolicy: string }[];
    };
    readonly status: { readonly phase: string };
  }[];
}

interface PodPhases {
  readonly items: readonly {
    readonly metadata: { readonly deletionTimestamp?: string };
    readonly status: { readonly phase: string };
  }[];
}

interface NodeList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: { readonly images?: readonly { readonly names: readonly string[] | null }[] };
  }[];
}

async function nodesWithImage(image: string): Promise<readonly string[]> {
  const nodes = JSON.parse(await kubectlOk(["get", "nodes", "-o", "json"])) as NodeList;
  const has = ({ status }: NodeList["items"][number]): boolean =>
    (status.images ?? []).some(({ names }) => names?.includes(image));
  return nodes.items.filter(has).map(({ metadata }) => metadata.name);
}

async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  let answer = await ask();
  for (let attempt = 0; attempt < 160 && !holds(answer); attempt += 1) {
    await Bun.sleep(500);
    answer = await ask();
  }
  return answer;
}

async function up(): Promise<{ readonly command: RunningCommand; readonly url: string }> {
  const command = admin.start(["up", "--no-tui"], { cwd: folder });
  await command.until(/Press Ctrl\+C to detach/);
  const url = /port forwarding at (http:\S+)/.exec(command.output())?.[1] ?? "";
  return { command, url };
}

beforeAll(async () => {
  admin = await enabledCluster();
  const selected = await admin.azds(["space", "select", "-n", "uptest", "-y"]);
  if (selected.code !== 0) throw new Error(selected.stderr);
  folder = scratchFolder("web");
  cpSync(PROJECT, folder, { recursive: true });
  writeService("one");
}, 120_000);

afterAll(() => rmSync(join(folder, ".."), { recursive: true, force: true }));

describe("azds up", () => {
  test("init writes a chart that Helm and the API server accept", async () => {
    const result = await admin.azds(["init", "--port", "80"], { cwd: folder });
    expect(result.code).toBe(0);
    const helm = Bun.spawnSync([HELM, "lint", join(folder, "charts/web")]);
    expect(helm.stdout.toString()).toContain("0 chart(s) failed");
    const rendered = Bun.spawnSync([HELM, "template", "web", join(folder, "charts/web")]);
    await kubectlOk(["-n", "uptest", "apply", "--dry-run=server", "-f", "-"], rendered.stdout.toString());
  });

  test("the first up builds on the node that runs the pod, and serves", async () => {
    const { command, url } = await up();
    expect(await getServed(url)).toBe('200 ["one"]');
    await command.until(/: one listens/);
    const gateway = /available at (http:\S+uptest\.web\.azds\.localhost:\d+\/)/.exec(command.output())?.[1] ?? "";
    expect(await getServed(gateway)).toBe('200 ["one"]');
    expect(await command.stop()).toBe(0);
  }, 180_000);

  test("the service stays after detaching, and only the node that runs it has its image", async () => {
    const pods = JSON.parse(
      await kubectlOk(["-n", "uptest", "get", "pods", "-l", "azds.io/session", "-o", "json"]),
    ) as PodList;
    const [pod] = pods.items;
    const own = pod?.spec.containers.find((container) => container.image.includes("/web:"));
    expect(pod?.status.phase).toBe("Running");
    expect(own?.imagePullPolicy).toBe("Never");
    expect(own?.image).toMatch(/^azds\.local\/uptest\/web:azds-[a-z0-9]{6}-1$/);
    // The kubelet reports its images every ten seconds.
    const holders = await eventually(
      async () => nodesWithImage(own?.image ?? ""),
      (nodes) => nodes.length > 0,
    );
    expect(holders).toEqual([pod?.spec.nodeName ?? ""]);
  }, 100_000);

  test("a change is served after the next up", async () => {
    writeService("two");
    const { command, url } = await up();
    expect(await getServed(url)).toBe('200 ["two"]');
    expect(await command.stop()).toBe(0);
  }, 120_000);

  test("a save that needs a new image is built and served at the same address, and says why", async () => {
    const { command, url } = await up();
    const file = join(folder, "Dockerfile.develop");
    writeService("three");
    writeFileSync(file, `${readFileSync(file, "utf8")}ENV THREE=3\n`);
    // The application's words and the step's line may come in either order.
    await command.until(/changed: rebuilding the image, the image is made by it[^]*Waiting for container\.\.\./);
    // The old pod serves until the new one is ready.
    const answer = await eventually(
      async () => getServed(url),
      (text) => text.includes("three"),
    );
    expect(answer).toBe('200 ["three"]');
    expect(await command.stop()).toBe(0);
  }, 120_000);

  test("a second up of the same service says who has it", async () => {
    const { command } = await up();
    const second = await admin.azds(["up", "-d"], { cwd: folder, env: { USER: "somebody" } });
    expect(second.code).toBe(1);
    expect(second.stderr).toContain("SESSION_HELD");
    expect(second.stderr).toMatch(/held by `tester@/);
    await command.stop();
  }, 120_000);

  test("a Dockerfile that fails leaves the running service alone and names the cause", async () => {
    const file = join(folder, "Dockerfile.develop");
    const before = readFileSync(file, "utf8");
    writeFileSync(file, `${before}RUN no-such-program\n`);
    const result = await admin.azds(["up", "-d"], { cwd: folder });
    writeFileSync(file, before);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("BUILD_FAILED");
    expect(result.stderr + result.stdout).toContain("no-such-program");
    const { items } = JSON.parse(
      await kubectlOk(["-n", "uptest", "get", "pods", "-l", "azds.io/session", "-o", "json"]),
    ) as PodPhases;
    // The pod of an earlier build may still be on its way out, or have ended.
    const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    expect(staying.map(({ status }) => status.phase)).toEqual(["Running"]);
  }, 120_000);

  test("down removes service and session, and a second down says that nothing is up", async () => {
    expect((await admin.azds(["down"], { cwd: folder })).code).toBe(0);
    const left = await kubectlOk(["-n", "uptest", "get", "deployments,services,leases", "-o", "name"]);
    expect(left.trim()).toBe("");
    const again = await admin.azds(["down"], { cwd: folder });
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("SERVICE_NOT_UP");
  }, 100_000);
});
