/** Traffic that flows while a test changes the cluster, and what became of each request: tests/projects/traffic as pods. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { apply, kubectlOk, type RunningCommand, startKubectl } from "./cluster.ts";
import { execIn, podReady } from "./pods.ts";

const FOLDER = join(import.meta.dir, "../../projects/traffic");
const STOP = "/tmp/stop";
/** The client waits for the last answers. */
const END_MS_MAX = 30_000;

/** What was sent in one second. */
export interface Second {
  /** Its beginning, in ms since 1970. */
  readonly at: number;
  /** `<space sent as, or ->␠<who answered>` → how many; who answers is `<space>`, or `tcp`. */
  readonly answers: Readonly<Record<string, number>>;
  readonly failed: number;
  /** A few of those. */
  readonly failures: readonly string[];
}

export interface Traffic {
  /** Ends it, when every request has its answer or its failure. */
  readonly end: () => Promise<readonly Second[]>;
}

export interface TrafficPlan {
  /** Where the client runs: names mean the services of this space. */
  readonly space: string;
  /** Values of the routing header, beside none. */
  readonly spaces: readonly string[];
  readonly requestsPerSecond: number;
  readonly secondsMax: number;
}

export async function deployTrafficClient(space: string): Promise<void> {
  const client = { metadata: { name: "client", namespace: space }, spec: podSpec(space, ["sleep", "100000"]) };
  await apply([programs(space), { apiVersion: "v1", kind: "Pod", ...client }]);
  await podReady(space, "client");
}

export async function startTraffic({ space, spaces, requestsPerSecond, secondsMax }: TrafficPlan): Promise<Traffic> {
  await execIn(space, "client", ["rm", "-f", STOP]);
  const plan = JSON.stringify({ host: "web", rate: requestsPerSecond, spaces, stop: STOP, secondsMax });
  const running = startKubectl(["-n", space, "exec", "client", "-c", "app", "--", "node", "client.js", plan]);
  return {
    end: async () => {
      await execIn(space, "client", ["touch", STOP]);
      const deadline = Date.now() + END_MS_MAX;
      while (running.exitCode() === undefined && Date.now() < deadline) await Bun.sleep(100);
      if (running.exitCode() !== 0) throw new Error(`The client ended with ${running.exitCode()}: ${running.output()}`);
      return secondsOf(running);
    },
  };
}

function secondsOf(running: RunningCommand): readonly Second[] {
  const lines = running.output().split("\n");
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Second);
}

/** What the sidecar of a pod takes up. */
export interface Usage {
  readonly residentBytes: number;
  readonly openFiles: number;
  readonly workerRestarts: number;
}

export async function readUsage(namespace: string, pod: string): Promise<Usage> {
  const metrics = await kubectlOk(["get", "--raw", `/api/v1/namespaces/${namespace}/pods/${pod}:19020/proxy/metrics`]);
  const value = (name: string): number => Number(new RegExp(`^azds_proxy_${name} (\\S+)$`, "m").exec(metrics)?.[1]);
  return {
    residentBytes: value("resident_memory_bytes"),
    openFiles: value("open_files"),
    workerRestarts: value("worker_restarts_total"),
  };
}

/** Service and Deployment `web`, and Service `web-tcp` before the same pods. */
export function webObjects(space: string, replicas: number): readonly unknown[] {
  const labels = { app: "web" };
  return [
    programs(space),
    webService(space),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web-tcp", namespace: space },
      spec: { selector: labels, ports: [{ name: "tcp", port: 4000 }] },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", namespace: space },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        template: { metadata: { labels }, spec: podSpec(space, ["node", "server.js"], { tcpSocket: { port: 8080 } }) },
      },
    },
  ];
}

export function webService(space: string): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: space },
    spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
  };
}

export async function rolledOut(space: string): Promise<void> {
  await kubectlOk(["-n", space, "rollout", "status", "deployment", "web", "--timeout=90s"]);
}

function programs(namespace: string): unknown {
  const names = ["server.js", "client.js"] as const;
  const data = Object.fromEntries(names.map((name) => [name, readFileSync(join(FOLDER, name), "utf8")]));
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "traffic", namespace }, data };
}

function podSpec(space: string, command: readonly string[], readinessProbe?: object): object {
  return {
    terminationGracePeriodSeconds: 15,
    containers: [
      {
        name: "app",
        image: "docker.io/library/node:20-alpine",
        imagePullPolicy: "IfNotPresent",
        workingDir: "/app",
        command,
        env: [{ name: "NAME", value: space }],
        ...(readinessProbe === undefined ? {} : { readinessProbe: { ...readinessProbe, periodSeconds: 1 } }),
        volumeMounts: [{ name: "app", mountPath: "/app" }],
      },
    ],
    volumes: [{ name: "app", configMap: { name: "traffic" } }],
  };
}
