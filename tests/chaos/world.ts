/** The one service that a run of rounds works on: its project, its pod, its `azds up`, and what is left of them. */
import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { clusterLayout } from "../cluster/layout.ts";
import { type ClusterProcess, ClusterParts } from "../cluster/parts.ts";
import { CLUSTER, type Developer, kubectl, type RunningCommand } from "../e2e/support/cluster.ts";
import { initProject, type Project, traces } from "../e2e/support/project.ts";
import { FOLLOWED, type Listing } from "./saves.ts";

export const SPACE = "chaos";
const SERVICE = "chaos";

/** Prints what the container has and does: one exec instead of many. */
const INSIDE = `
const fs = require("fs"), crypto = require("crypto"), files = {};
const visit = (path) => {
  if (!fs.existsSync(path)) return;
  if (fs.statSync(path).isDirectory()) return fs.readdirSync(path).forEach((name) => visit(path + "/" + name));
  files[path] = crypto.createHash("sha256").update(fs.readFileSync(path)).digest("hex");
};
${JSON.stringify(FOLLOWED)}.forEach(visit);
const read = (file) => { try { return fs.readFileSync(file, "utf8"); } catch { return ""; } };
const processes = fs.readdirSync("/proc").filter((name) => /^\\d+$/.test(name) && Number(name) !== process.pid)
  .map((pid) => read("/proc/" + pid + "/cmdline").split("\\0").join(" ").trim()).filter(Boolean);
const tell = (served) => console.log(JSON.stringify({ files, processes, served, at: Date.now(), staging: fs.existsSync(".azds-sync") }));
fetch("http://127.0.0.1:" + process.env.PORT, { signal: AbortSignal.timeout(2000) })
  .then((answer) => answer.text()).then(tell, (error) => tell(String(error)));
`;

export interface Inside {
  readonly files: Listing;
  /** Command lines, ours of the question not among them. */
  readonly processes: readonly string[];
  /** Answer of the application. */
  readonly served: string;
  readonly staging: boolean;
  /** When it was so, in milliseconds since the epoch: an exec itself takes a second on a busy machine. */
  readonly at: number;
}

export interface SeenPod {
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  readonly ready: boolean;
  readonly deleting: boolean;
  /** The most of its containers. */
  readonly restarts: number;
}

export class World {
  readonly project: Project;
  readonly parts: ClusterParts;
  readonly #developer: Developer;
  #up: RunningCommand | undefined;

  private constructor(developer: Developer, project: Project, parts: ClusterParts) {
    this.#developer = developer;
    this.project = project;
    this.parts = parts;
  }

  static async open(developer: Developer): Promise<World> {
    const cluster = clusterLayout(CLUSTER, join(homedir(), ".cache/azds-test-cluster"));
    const parts = await ClusterParts.open(cluster);
    const project = await initProject(developer, SERVICE);
    // Each start of the application has a line of its own, so that a line shown twice is noticed.
    project.edit("server.js", "`${name} listens`", "`${name} listens ${process.pid} ${Date.now()}`");
    return new World(developer, project, parts);
  }

  get up(): RunningCommand | undefined {
    return this.#up;
  }

  startUp(): RunningCommand {
    const args = ["up", "--space", SPACE, "-o", "json"];
    this.#up = this.#developer.start(args, { cwd: this.project.folder });
    return this.#up;
  }

  async stopUp(signal: NodeJS.Signals = "SIGINT"): Promise<void> {
    await this.#up?.stop(signal);
    this.#up = undefined;
  }

  /** Newest last; none when nobody can be asked. */
  async pods(): Promise<readonly SeenPod[]> {
    return podsOf(SPACE, []);
  }

  /** `undefined` while nobody can be asked. */
  async inside(pod: string): Promise<Inside | undefined> {
    const asked = await kubectl(["-n", SPACE, "exec", pod, "-c", SERVICE, "--", "node", "-e", INSIDE]);
    return asked.code === 0 ? (JSON.parse(asked.stdout) as Inside) : undefined;
  }

  async deletePod(pod: string, namespace = SPACE): Promise<void> {
    await kubectl(["-n", namespace, "delete", "pod", pod, "--wait=false", "--request-timeout=5s"]);
  }

  /** Processes that azds was or started for this developer, other than the living `up` and what it has started. */
  strays(): readonly string[] {
    const up = this.#up?.pid;
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        const isOurs = readProc(name, "environ").split("\0").includes(`HOME=${this.#developer.home}`);
        const command = readProc(name, "cmdline").replaceAll("\0", " ").trim();
        return isOurs && command !== "" && !descends(Number(name), up) ? [`${name} ${command}`] : [];
      });
  }

  /** Processes in pods of this service or of azds's own namespace whose command line has `word` in it. */
  victims(word: string, pods: readonly string[]): readonly ClusterProcess[] {
    return this.parts
      .processes()
      .filter(({ argv, pod }) => pod !== undefined && pods.includes(pod) && argv.some((part) => part.includes(word)));
  }

  /** azds's own pods, of one program or of all. */
  async systemPods(component?: string): Promise<readonly SeenPod[]> {
    return podsOf("azds", component === undefined ? [] : ["-l", `app.kubernetes.io/component=${component}`]);
  }

  /** What `up` has made and `down` should have removed, sessions and pods on their way out included. */
  async left(): Promise<readonly string[]> {
    const all = await traces(SPACE);
    return all.filter((name) => name.includes(SERVICE) || name.includes("azds-"));
  }

  async down(): Promise<void> {
    const result = await this.project.azds(["down", "--space", SPACE]);
    if (result.code !== 0 && !result.stderr.includes("SERVICE_NOT_UP")) throw new Error(`azds down: ${result.stderr}`);
  }
}

async function podsOf(namespace: string, selector: readonly string[]): Promise<readonly SeenPod[]> {
  const listed = await kubectl(["-n", namespace, "get", "pods", ...selector, "-o", "json", "--request-timeout=5s"]);
  if (listed.code !== 0) return [];
  const { items } = JSON.parse(listed.stdout) as { items: readonly PodObject[] };
  return items
    .toSorted((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp))
    .map(({ metadata, spec, status }) => ({
      name: metadata.name,
      uid: metadata.uid,
      node: spec.nodeName ?? "",
      ready: status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false,
      deleting: metadata.deletionTimestamp !== undefined,
      restarts: Math.max(0, ...(status.containerStatuses ?? []).map(({ restartCount }) => restartCount)),
    }));
}

interface PodObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
}

/** Whether a process is `ancestor` or below it. */
function descends(pid: number, ancestor: number | undefined): boolean {
  for (let at = pid; at > 1;) {
    if (at === ancestor) return true;
    at = Number(/^PPid:\s*(\d+)$/m.exec(readProc(String(at), "status"))?.[1] ?? 0);
  }
  return false;
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
