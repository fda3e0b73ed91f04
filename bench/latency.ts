/** What two sidecars add to a request at an even rate, in turns with the same pods in a plain namespace. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SPACE_LABEL } from "../core/contract.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { apply, kubectlOk } from "../tests/e2e/support/cluster.ts";
import { type Measurement, quantile } from "./report.ts";

const PROJECT = join(import.meta.dir, "../tests/projects/latency");
const LOAD = readFileSync(join(PROJECT, "load.js"), "utf8");
const SERVER = readFileSync(join(PROJECT, "server.js"), "utf8");
const SPACE = "bench-latency";
const PLAIN = "bench-latency-plain";
const IMAGE = "docker.io/library/node:20-alpine";

const ROUNDS = 8;
const REQUESTS_PER_SECOND = 1000;
const CONNECTIONS = 16;
const SECONDS = 5;
const WARM_UP_SECONDS = 3;
const TRIES_MAX = 10;

export async function latency(kube: KubeClient): Promise<readonly Measurement[]> {
  await apply([...objects(SPACE, { [SPACE_LABEL]: "true" }), ...objects(PLAIN, {})]);
  try {
    const ready = ["wait", "--for=condition=Ready", "pod/client", "pod/server", "--timeout=90s"];
    await Promise.all([SPACE, PLAIN].map(async (name) => kubectlOk(["-n", name, ...ready])));
    for (const name of [SPACE, PLAIN]) await warmUp(name);
    const injected: number[][] = [];
    const plain: number[][] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      injected.push(await load(SPACE, SECONDS));
      plain.push(await load(PLAIN, SECONDS));
    }
    return [
      added(injected, plain, { fraction: 0.5, target: 0.5 }),
      added(injected, plain, { fraction: 0.99, target: 1.5 }),
    ];
  } finally {
    await Promise.all([SPACE, PLAIN].map(async (name) => kube.remove(`/api/v1/namespaces/${name}`)));
  }
}

/** kube-proxy follows a new pod after a moment. */
async function warmUp(namespace: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await load(namespace, WARM_UP_SECONDS);
      return;
    } catch (error) {
      if (tries === TRIES_MAX) throw error;
      await Bun.sleep(1000);
    }
  }
}

/** One value a round: its quantile. */
function added(
  injected: readonly (readonly number[])[],
  plain: readonly (readonly number[])[],
  { fraction, target }: { readonly fraction: number; readonly target: number },
): Measurement {
  return {
    suite: "latency",
    name: `request through two sidecars, p${fraction * 100}, ${REQUESTS_PER_SECOND}/s on ${CONNECTIONS} connections`,
    unit: "ms",
    values: injected.map((times) => quantile(times, fraction)),
    against: plain.map((times) => quantile(times, fraction)),
    target,
    bounds: "difference",
  };
}

async function load(namespace: string, seconds: number): Promise<number[]> {
  const url = `http://server.${namespace}.svc.cluster.local/`;
  const args = [url, String(REQUESTS_PER_SECOND), String(CONNECTIONS), String(seconds)];
  const times: unknown = JSON.parse(
    await kubectlOk(["-n", namespace, "exec", "client", "-c", "main", "--", "node", "-e", LOAD, ...args]),
  );
  if (!Array.isArray(times) || !times.every((time) => typeof time === "number")) throw new Error("No times");
  return times;
}

function objects(namespace: string, labels: Readonly<Record<string, string>>): readonly unknown[] {
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } },
    pod({ namespace, name: "server" }, ["node", "-e", SERVER]),
    pod({ namespace, name: "client" }, ["sleep", "3600"]),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { namespace, name: "server" },
      spec: { selector: { app: "server" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
    },
  ];
}

function pod(metadata: { readonly namespace: string; readonly name: string }, command: readonly string[]): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...metadata, labels: { app: metadata.name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "main", image: IMAGE, imagePullPolicy: "IfNotPresent", command }],
    },
  };
}
