/** What injection adds to a pod: the create call and the time to Ready, in turns between a space and a plain namespace. */
import { ENV, SPACE_LABEL } from "../core/contract.ts";
import { at } from "../core/parse.ts";
import type { KubeClient } from "../core/kube/types.ts";
import type { Measurement } from "./report.ts";

const SPACE = "bench-space";
const PLAIN = "bench-plain";
const POD_ROUNDS = 7;
const CREATE_ROUNDS = 40;

function pod(name: string): object {
  return {
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: "app",
          image: "docker.io/library/busybox:1.36",
          imagePullPolicy: "IfNotPresent",
          command: ["sleep", "3600"],
        },
      ],
    },
  };
}

export async function pods(kube: KubeClient): Promise<readonly Measurement[]> {
  await kube.apply(`/api/v1/namespaces/${SPACE}`, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: SPACE, labels: { [SPACE_LABEL]: "true" } },
  });
  await kube.apply(`/api/v1/namespaces/${PLAIN}`, { apiVersion: "v1", kind: "Namespace", metadata: { name: PLAIN } });
  await Bun.sleep(2000);
  const injected = { ready: [] as number[], create: [] as number[] };
  const plain = { ready: [] as number[], create: [] as number[] };
  for (let round = 0; round < POD_ROUNDS; round += 1) {
    injected.ready.push(await timeToReady(kube, SPACE, `pod-${round}`));
    plain.ready.push(await timeToReady(kube, PLAIN, `pod-${round}`));
  }
  const larger: number[] = [];
  for (let round = 0; round < CREATE_ROUNDS; round += 1) {
    const name = `dry-${round}`;
    const { ms, created } = await timeToCreate(kube, SPACE, pod(name));
    injected.create.push(ms);
    plain.create.push((await timeToCreate(kube, PLAIN, pod(name))).ms);
    larger.push((await timeToCreate(kube, PLAIN, asSent(created, name))).ms);
  }
  const memory = await sidecarMemory("VmRSS");
  const share = await sidecarMemory("Pss");
  await Promise.all([SPACE, PLAIN].map(async (name) => kube.remove(`/api/v1/namespaces/${name}`)));
  return [
    {
      suite: "pods",
      name: "create to Ready with injection",
      unit: "s",
      values: injected.ready,
      against: plain.ready,
      target: 1.5,
      bounds: "difference",
    },
    {
      suite: "pods",
      name: "create call with injection",
      unit: "ms",
      values: injected.create,
      against: plain.create,
      target: 2,
      bounds: "difference",
    },
    {
      suite: "pods",
      name: "create call of the injected pod, no webhook",
      unit: "ms",
      values: larger,
      against: plain.create,
    },
    { suite: "pods", name: "memory of an idle sidecar", unit: "MB", values: memory, target: 35 },
    { suite: "pods", name: "memory of an idle sidecar, its share", unit: "MB", values: share },
  ];
}

async function timeToReady(kube: KubeClient, namespace: string, name: string): Promise<number> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const stop = new AbortController();
  const started = performance.now();
  await kube.request({ method: "POST", path, body: pod(name) });
  let seconds = Number.NaN;
  for await (const event of kube.watch(`${path}?fieldSelector=metadata.name=${name}`, stop.signal)) {
    const conditions = "object" in event ? at(event.object, "status", "conditions") : undefined;
    if (
      !Array.isArray(conditions) ||
      !conditions.some((condition) => at(condition, "type") === "Ready" && at(condition, "status") === "True")
    )
      continue;
    seconds = (performance.now() - started) / 1000;
    break;
  }
  stop.abort();
  // The last one stays: its sidecar's memory is read afterwards.
  if (name !== `pod-${POD_ROUNDS - 1}`) await kube.remove(`${path}/${name}?gracePeriodSeconds=0`);
  await Bun.sleep(1000);
  return seconds;
}

interface Created {
  readonly ms: number;
  readonly created: unknown;
}

/** A dry run passes admission, and leaves no pod for the kubelet to disturb the next round with. */
async function timeToCreate(kube: KubeClient, namespace: string, body: object): Promise<Created> {
  const started = performance.now();
  const created = await kube.request({ method: "POST", path: `/api/v1/namespaces/${namespace}/pods?dryRun=All`, body });
  return { ms: performance.now() - started, created };
}

/** What the API server answered, to be created as it is. */
function asSent(created: unknown, name: string): object {
  const metadata = {
    name,
    labels: at(created, "metadata", "labels"),
    annotations: at(created, "metadata", "annotations"),
  };
  return { metadata, spec: at(created, "spec") };
}

/**
 * Megabytes of each running sidecar, read from the node's /proc: the test cluster's nodes are this machine. `VmRSS` counts
 * the executable's pages in every process, `Pss` their share: all sidecars of a node map the same file.
 */
async function sidecarMemory(field: "VmRSS" | "Pss"): Promise<readonly number[]> {
  const file = field === "Pss" ? "smaps_rollup" : "status";
  const pids = Bun.spawnSync(["pgrep", "-f", "^/azds/azds __proxy$"]).stdout.toString().trim().split("\n");
  const environments = await Promise.all(pids.map(async (pid) => Bun.file(`/proc/${pid}/environ`).text()));
  // Other clusters of this machine have sidecars as well.
  const ours = pids.filter((_, i) => environments[i]?.split("\0").includes(`${ENV.podNamespace}=${SPACE}`));
  const texts = await Promise.all(ours.map(async (pid) => Bun.file(`/proc/${pid}/${file}`).text()));
  const value = new RegExp(`^${field}:\\s+(?<kilobytes>\\d+)`, "m");
  return texts.map((text) => Number(value.exec(text)?.groups?.["kilobytes"] ?? 0) / 1024);
}
