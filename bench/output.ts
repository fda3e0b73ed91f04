/**
 * What passing an application's output on costs: in one container, whose runtime reads all of it as it does for any
 * pod, the same program writes with and without the agent in between, in turns.
 */
import { join } from "node:path";
import { imageReference } from "../cli/image/reference.ts";
import { AGENT_FOLDER, EXECUTABLE, PROGRAM } from "../core/contract.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { asString, at } from "../core/parse.ts";
import { type Measurement } from "./report.ts";

const AZDS = join(import.meta.dir, "../dist/azds");
const NAMESPACE = "bench-output";
const POD = "writer";
const ROUNDS = 5;
const LINES = 600_000;
const LINE_BYTES = 100;
const POD_MS_MAX = 110_000;
const POLL_MS = 500;
/** Of the speed without the agent. */
const SHARE_MIN = 0.8;

/** Programs that write as much: a line per system call, and as full buffers of C's standard output. */
const PROGRAMS = {
  "line by line": `awk 'BEGIN { for (i = 0; i < ${LINES}; i++) { printf "%${LINE_BYTES - 1}d\\n", i; fflush() } }'`,
  "in full buffers": `yes ${"x".repeat(LINE_BYTES - 1)} | head -n ${LINES}`,
} as const;

/**
 * Each run has the container's output opened anew: the agent's is set not to wait, which others would inherit from it.
 * The clock starts when the program does, so the agent's own start is not in it, and ends when all was passed on:
 * seconds since the machine's start (proc_uptime(5)). Each run adds its two readings to the container's last words.
 */
const SCRIPT = `
began='read now _ </proc/uptime; printf "%s " $now >>/dev/termination-log; eval "$1"'
for round in $(seq ${ROUNDS}); do
  for program in "$@"; do
    for agent in "" "${EXECUTABLE} ${PROGRAM.agent} --image none --"; do
      $agent sh -c "$began" sh "$program" >/proc/1/fd/1
      read now _ </proc/uptime
      echo $now >>/dev/termination-log
    done
  done
done`;

export async function output(kube: KubeClient): Promise<readonly Measurement[]> {
  const path = `/api/v1/namespaces/${NAMESPACE}`;
  await kube.apply(path, { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
  try {
    const pod = { ...(await writerPod()), apiVersion: "v1", kind: "Pod" };
    await kube.remove(`${path}/pods/${POD}?gracePeriodSeconds=0`);
    await kube.apply(`${path}/pods/${POD}`, pod);
    return measurements(await lastWords(kube, `${path}/pods/${POD}`));
  } finally {
    await kube.remove(path);
  }
}

async function writerPod(): Promise<object> {
  const volume = { name: "agent", mountPath: AGENT_FOLDER };
  return {
    metadata: { name: POD },
    spec: {
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 0,
      initContainers: [
        {
          name: "agent",
          image: await imageReference(AZDS),
          args: [PROGRAM.seed, AGENT_FOLDER, "/volume"],
          volumeMounts: [{ ...volume, mountPath: "/volume" }],
        },
      ],
      containers: [
        {
          name: POD,
          image: "docker.io/library/busybox:1.36",
          command: ["sh", "-c", SCRIPT, "sh", ...Object.values(PROGRAMS)],
          volumeMounts: [volume],
        },
      ],
      volumes: [{ name: "agent", emptyDir: {} }],
    },
  };
}

async function lastWords(kube: KubeClient, path: string): Promise<string> {
  for (const started = performance.now(); performance.now() - started < POD_MS_MAX; await Bun.sleep(POLL_MS)) {
    const pod = await kube.request({ method: "GET", path });
    const ended = at(pod, "status", "containerStatuses", 0, "state", "terminated");
    if (ended !== undefined) return asString(at(ended, "message")) ?? "";
  }
  throw new Error(`The pod of \`bench/output.ts\` had not written all of its output after ${POD_MS_MAX / 1000} s`);
}

function measurements(words: string): readonly Measurement[] {
  const megabytes = (LINES * LINE_BYTES) / 1e6;
  const speeds = words
    .trim()
    .split("\n")
    .map((line) => {
      const [began = Number.NaN, ended = Number.NaN] = line.split(" ").map(Number);
      return megabytes / (ended - began);
    });
  const names = Object.keys(PROGRAMS);
  if (speeds.length !== ROUNDS * names.length * 2) throw new Error(`The pod said \`${words}\``);
  return names.map((name, index) => {
    const turns = (agent: number): readonly number[] =>
      speeds.filter((_, turn) => turn % (names.length * 2) === index * 2 + agent);
    const title = `${megabytes} MB of output through the agent, ${name}`;
    const bounds = "least ratio";
    return {
      suite: "output",
      name: title,
      unit: "MB/s",
      values: turns(1),
      against: turns(0),
      target: SHARE_MIN,
      bounds,
    };
  });
}
