/** Pods made by hand, and what the API server and their logs say about them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { apply, kubectlOk } from "./cluster.ts";

const FOLDER = join(import.meta.dir, "../../projects/lifecycle");
const WAITING = "--timeout=90s";

export interface PodPlan {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Fields of the container `app` over its defaults. */
  readonly container?: object;
  /** Fields of the pod's `spec` over its defaults. */
  readonly spec?: object;
}

/** The part of a pod that the tests look at. */
export interface SeenPod {
  readonly metadata: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly containers: readonly SeenContainer[];
    readonly initContainers?: readonly SeenContainer[];
  };
  readonly status: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

interface SeenContainer {
  readonly name: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly object[];
  readonly restartPolicy?: string;
  readonly securityContext?: object;
}

/** The programs of tests/projects/lifecycle as ConfigMap `lifecycle`, which every pod of `podObject` mounts. */
export async function deployPrograms(namespaces: readonly string[]): Promise<void> {
  const data = Object.fromEntries(readdirSync(FOLDER).map((name) => [name, readFileSync(join(FOLDER, name), "utf8")]));
  await apply(
    namespaces.map((namespace) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "lifecycle", namespace },
      data,
    })),
  );
}

/** A pod of one container `app` that runs app.js. */
export function podObject(plan: PodPlan): unknown {
  const { namespace, name, labels = {} } = plan;
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace, labels }, spec: podSpec(plan) };
}

export function podSpec({ container = {}, spec = {} }: Pick<PodPlan, "container" | "spec">): object {
  return {
    terminationGracePeriodSeconds: 20,
    enableServiceLinks: false,
    containers: [
      {
        name: "app",
        image: "docker.io/library/node:20-alpine",
        imagePullPolicy: "IfNotPresent",
        workingDir: "/app",
        command: ["node", "app.js"],
        volumeMounts: [{ name: "app", mountPath: "/app" }],
        ...container,
      },
    ],
    volumes: [{ name: "app", configMap: { name: "lifecycle" } }],
    ...spec,
  };
}

export async function readPod(namespace: string, name: string): Promise<SeenPod> {
  return JSON.parse(await kubectlOk(["-n", namespace, "get", "pod", name, "-o", "json"])) as SeenPod;
}

export async function podReady(namespace: string, ...names: readonly string[]): Promise<void> {
  const pods = names.map((name) => `pod/${name}`);
  await kubectlOk(["-n", namespace, "wait", "--for=condition=Ready", ...pods, WAITING]);
}

/** Output of a program in the container `app`. */
export async function execIn(namespace: string, pod: string, argv: readonly string[]): Promise<string> {
  return kubectlOk(["-n", namespace, "exec", pod, "-c", "app", "--", ...argv]);
}

/** Everything that the container `app` has said, when it has ended after the pod's deletion. */
export async function deletedPodLog(namespace: string, pod: string): Promise<string> {
  const log = kubectlOk(["-n", namespace, "logs", "-f", pod, "-c", "app"]);
  await kubectlOk(["-n", namespace, "delete", "pod", pod, WAITING]);
  return log;
}

/** Messages of the pod's events of one reason, as soon as there are any. */
export async function podEvents(namespace: string, pod: string, reason: string): Promise<string> {
  const fields = `--field-selector=involvedObject.name=${pod},reason=${reason}`;
  return untilSome(async () =>
    kubectlOk(["-n", namespace, "get", "events", fields, "-o", "jsonpath={.items[*].message}"]),
  );
}

/** Asks until the answer is not empty, for 20 s; then it is empty. */
export async function untilSome(question: () => Promise<string>): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = await question();
    if (answer !== "") return answer;
    await Bun.sleep(200);
  }
  return "";
}
