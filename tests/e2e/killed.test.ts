/** `azds up` killed with SIGKILL in each of its phases: the same command afterwards works as if nothing had happened. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Developer, enabledCluster, kubectl, kubectlOk } from "./support/cluster.ts";
import { initProject, type Project, traces } from "./support/project.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";

const SPACE = "e2e-kill";
const SPACES = { [SPACE]: "root" };
/** Long enough for the signal to arrive while it is on its way. */
const LARGE_BYTES = 64 * 1024 * 1024;
const ATTEMPTS_MAX = 40;
/** Helm waits for a hook's Job; this one never begins. */
const ENDLESS_HOOK = `apiVersion: batch/v1
kind: Job
metadata: { name: endless, annotations: { helm.sh/hook: "pre-install,pre-upgrade" } }
spec:
  suspend: true
  template: { spec: { restartPolicy: Never, containers: [{ name: endless, image: "docker.io/library/node:20-alpine" }] } }
`;

interface Phase {
  /** What makes the phase last; undone by \`after\`. */
  readonly before?: (project: Project) => void;
  readonly after?: (project: Project) => void;
  readonly args: readonly string[];
  /** In the command's output. */
  readonly reached: RegExp;
  /** In the cluster, once the output has it. */
  readonly inCluster?: (project: Project) => Promise<unknown>;
}

const JSON_EVENTS = ["up", "-d", "-o", "json"];

const PHASES: Readonly<Record<string, Phase>> = {
  start: { args: JSON_EVENTS, reached: /Using dev space/ },
  helm: {
    before: (project) => project.write("charts/helm/templates/hook.yaml", ENDLESS_HOOK),
    after: (project) => project.write("charts/helm/templates/hook.yaml", ""),
    args: JSON_EVENTS,
    reached: /"step\.started","id":"install"/,
    inCluster: async () => kubectlOk(["-n", SPACE, "wait", "--for=create", "job/endless", "--timeout=30s"]),
  },
  sync: {
    before: (project) => writeFileSync(join(project.folder, "large.bin"), randomBytes(LARGE_BYTES)),
    args: JSON_EVENTS,
    reached: /"step\.started","id":"sync"/,
  },
  build: {
    before: (project) => project.edit("Dockerfile.develop", "CMD", "RUN sleep 5\nCMD"),
    after: (project) => project.edit("Dockerfile.develop", "RUN sleep 5\n", ""),
    args: JSON_EVENTS,
    reached: /"build\.step",[^\n]*sleep 5","state":"started"/,
  },
  wait: { args: JSON_EVENTS, reached: /"step\.finished","id":"build"/ },
  attached: { args: ["up", "--no-tui"], reached: /Press Ctrl\+C to detach/ },
};

let admin: Developer;
const projects: Project[] = [];

beforeAll(async () => {
  admin = await enabledCluster();
  await labelSpaces(SPACES);
}, 180_000);

afterAll(async () => {
  for (const project of projects) project.remove();
  await removeSpaces(SPACES);
}, 60_000);

/** A slow machine may need a moment more until the application listens. */
async function expectAnswer(service: string, answer: string): Promise<void> {
  const path = `/api/v1/namespaces/${SPACE}/services/http:${service}:80/proxy/`;
  let got = await kubectl(["get", "--raw", path]);
  for (let attempt = 0; attempt < ATTEMPTS_MAX && got.code !== 0; attempt += 1) {
    await Bun.sleep(250);
    got = await kubectl(["get", "--raw", path]);
  }
  expect(got.stdout).toBe(answer);
}

/** `<name> <status>` of every stored revision of the service's release. */
async function revisions(service: string): Promise<readonly string[]> {
  const path = '{range .items[*]}{.metadata.labels.name} {.metadata.labels.status}{"\\n"}{end}';
  const text = await kubectlOk(["-n", SPACE, "get", "secrets", "-l", "owner=helm", "-o", `jsonpath=${path}`]);
  return text.split("\n").filter((line) => line.includes(service));
}

async function sessionsOf(service: string): Promise<readonly unknown[]> {
  const leases = JSON.parse(await kubectlOk(["-n", SPACE, "get", "leases", "-o", "json"])) as {
    items: { metadata: { annotations?: Record<string, string> }; spec: { holderIdentity?: string } }[];
  };
  const own = leases.items.filter((lease) => lease.metadata.annotations?.["azds.io/service"] === service);
  return own.map((lease) => lease.spec.holderIdentity ?? "nobody");
}

describe.concurrent("azds up, killed", () => {
  test.each(Object.entries(PHASES))(
    "phase %s: the next up serves the new sources, and down leaves nothing",
    async (name, phase) => {
      const project = await initProject(admin, name);
      projects.push(project);
      phase.before?.(project);
      const first = admin.start([...phase.args, "--space", SPACE], { cwd: project.folder });
      await first.until(phase.reached);
      await phase.inCluster?.(project);
      expect(await first.stop("SIGKILL")).toBe(137);

      phase.after?.(project);
      project.write("service.json", JSON.stringify({ name: `${name} again` }));
      const second = await project.azds(["up", "-d", "--space", SPACE]);
      expect(second.stderr).toBe("");
      expect(second.code).toBe(0);
      await expectAnswer(name, JSON.stringify([`${name} again`]));
      expect(await sessionsOf(name)).toEqual(["nobody"]);
      const stored = await revisions(name);
      expect(stored.filter((revision) => revision === `azds-${name} deployed`)).toHaveLength(1);
      expect(stored.filter((revision) => !revision.startsWith(`azds-${name} `))).toEqual([]);

      const down = await project.azds(["down", "--space", SPACE]);
      expect(down.code).toBe(0);
      await kubectlOk([
        "-n",
        SPACE,
        "wait",
        "--for=delete",
        "pod",
        "-l",
        `app.kubernetes.io/instance=azds-${name}`,
        "--timeout=60s",
      ]);
      expect(
        (await traces(SPACE)).filter((trace) => trace.includes(`/${name}`) || trace.includes(`azds-${name}.`)),
      ).toEqual([]);
      expect(await sessionsOf(name)).toEqual([]);
    },
    120_000,
  );
});
