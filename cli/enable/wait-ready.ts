/** Waits until every part of azds is ready, and stops at once when an image cannot be had. */
import { COMPONENT, SYSTEM_NAMESPACE, WEBHOOK_CONFIGURATION } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { ENABLE_MS_MAX } from "../../core/limits.ts";
import { objectPath, podPath, podsPath, type ObjectKind } from "../../core/kube/paths.ts";
import { causeOf } from "../engine/pods/diagnose.ts";
import { podView } from "../engine/pods/pod-view.ts";
import { waysToLoad } from "../image/loading.ts";
import { follow, type Followed } from "./follow.ts";
import { imageProblems, type ImageProblem } from "./image-problem.ts";
import type { Ports } from "./ports.ts";
import { admissionProgress, daemonSetProgress, deploymentProgress, type Progress } from "./readiness.ts";

export interface Awaited {
  /** References of our own image and of BuildKit's. */
  readonly image: string;
  readonly buildkitImage: string;
  /** Nodes that the builder can run on. */
  readonly usableNodes: number;
  /** Whether there is one. */
  readonly gateway: boolean;
}

/** Whether there would be nothing to wait for. */
export async function isReady(
  { cluster, signal }: Pick<Ports, "cluster" | "signal">,
  { usableNodes, gateway: hasGateway }: Pick<Awaited, "usableNodes" | "gateway">,
): Promise<boolean> {
  const find = async (type: ObjectKind, name: string): Promise<unknown> =>
    cluster.kube.find(objectPath(type, SYSTEM_NAMESPACE, name), signal);
  const [controller, webhook, gateway, builder, admission] = await Promise.all([
    find(DEPLOYMENT, COMPONENT.controller),
    find(DEPLOYMENT, COMPONENT.webhook),
    hasGateway ? find(DEPLOYMENT, COMPONENT.gateway) : undefined,
    find({ apiVersion: "apps/v1", kind: "DaemonSet" }, COMPONENT.builder),
    find(
      { apiVersion: "admissionregistration.k8s.io/v1", kind: "MutatingWebhookConfiguration" },
      WEBHOOK_CONFIGURATION,
    ),
  ]);
  const deployments = [controller, webhook, ...(hasGateway ? [gateway] : [])].map(deploymentProgress);
  return [...deployments, daemonSetProgress(builder, usableNodes), admissionProgress(admission)].every(
    ({ done }) => done,
  );
}

/** Pods of an earlier run that wait for an image ask for it again only after minutes; new ones ask at once. */
async function removeStuckPods({ cluster, signal }: Ports, images: readonly string[]): Promise<void> {
  const stuck = imageProblems(await cluster.kube.list(podsPath(SYSTEM_NAMESPACE), signal), images);
  await Promise.all(stuck.map(async ({ pod }) => cluster.kube.remove(podPath(SYSTEM_NAMESPACE, pod), { signal })));
}

const DEPLOYMENT: ObjectKind = { apiVersion: "apps/v1", kind: "Deployment" };

type Watched = Readonly<Record<"deployments" | "daemonSets" | "admission" | "pods", Followed>>;

interface Part {
  readonly name: string;
  readonly text: string;
  /** The watch that brings the change. */
  readonly source: Followed;
  readonly progress: () => Progress;
}

const ADMISSION_PATH = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations?fieldSelector=metadata.name%3D${WEBHOOK_CONFIGURATION}`;

/**
 * @throws AzdsError IMAGE_NOT_AVAILABLE, after the ways to bring the image were said
 * @throws AzdsError COMPONENT_NOT_READY after ENABLE_MS_MAX, after the causes of its pods were said
 */
export async function waitReady(ports: Ports, awaited: Awaited): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([ports.signal, stop.signal]);
  const { kube } = ports.cluster;
  const images = [awaited.image, awaited.buildkitImage];
  await removeStuckPods(ports, images);
  const apps = `/apis/apps/v1/namespaces/${SYSTEM_NAMESPACE}`;
  const watched = {
    deployments: follow(kube, `${apps}/deployments`, signal),
    daemonSets: follow(kube, `${apps}/daemonsets`, signal),
    admission: follow(kube, ADMISSION_PATH, signal),
    pods: follow(kube, podsPath(SYSTEM_NAMESPACE), signal),
  };
  const parts = partsOf(watched, awaited);
  const failure = Promise.race([
    watched.pods.until((pods) => imageProblems(pods, images)[0]).then(rejectImage),
    ports.clock.sleep(ENABLE_MS_MAX, signal).then(() => rejectOverdue(parts)),
  ]);
  // It also rejects when nobody waits any more.
  failure.catch(() => undefined);
  try {
    await allDone(ports, parts, failure);
  } catch (error) {
    if (error instanceof AzdsError) explain(ports, awaited, { error, pods: watched.pods.objects() });
    throw error;
  } finally {
    stop.abort();
  }
}

/** One after the other: they start at the same time, and each line shows what it took beyond those above it. */
async function allDone({ step }: Ports, parts: readonly Part[], failure: Promise<never>): Promise<void> {
  for (const { name, text, source, progress } of parts) {
    const done = (): true | undefined => (progress().done ? true : undefined);
    await step(`ready-${name}`, text, async () => Promise.race([source.until(done), failure]));
  }
}

function partsOf({ deployments, daemonSets, admission }: Watched, awaited: Awaited): readonly Part[] {
  const deployment = (name: string, text: string): Part => ({
    name,
    text,
    source: deployments,
    progress: () => deploymentProgress(deployments.named(name)),
  });
  return [
    deployment(COMPONENT.controller, "Starting the controller"),
    deployment(COMPONENT.webhook, "Starting the webhook"),
    {
      name: "admission",
      text: "Connecting the webhook to the API server",
      source: admission,
      progress: () => admissionProgress(admission.named(WEBHOOK_CONFIGURATION)),
    },
    {
      name: COMPONENT.builder,
      text: "Starting the builders",
      source: daemonSets,
      progress: () => daemonSetProgress(daemonSets.named(COMPONENT.builder), awaited.usableNodes),
    },
    ...(awaited.gateway ? [deployment(COMPONENT.gateway, "Starting the gateway")] : []),
  ];
}

function rejectImage({ image, node }: ImageProblem): never {
  const place = node === "" ? "" : ` on node \`${node}\``;
  throw new AzdsError("IMAGE_NOT_AVAILABLE", `The image \`${image}\` cannot be had${place}`);
}

function rejectOverdue(parts: readonly Part[]): never {
  const waiting = parts.flatMap(({ name, progress }) => {
    const { ready, wanted, done } = progress();
    return done ? [] : [`\`${name}\` (${ready} of ${wanted} ready)`];
  });
  throw new AzdsError("COMPONENT_NOT_READY", `Not ready after ${ENABLE_MS_MAX / 1000}s: ${waiting.join(", ")}`);
}

/** The file that the ways to load the image speak of. */
const ARCHIVE = "azds-image.tar";

interface Failed {
  readonly error: AzdsError;
  /** Of azds, as they are now. */
  readonly pods: readonly unknown[];
}

function explain({ emit, cluster }: Ports, { image, buildkitImage }: Awaited, { error, pods }: Failed): void {
  const say = (text: string): void => emit({ type: "message", level: "info", text });
  if (error.code === "COMPONENT_NOT_READY") {
    for (const pod of pods.map(podView)) {
      const cause = causeOf(pod);
      if (cause !== undefined) emit({ type: "cause", pod: pod.name, reason: cause.reason, text: cause.text });
    }
  }
  const [problem] = error.code === "IMAGE_NOT_AVAILABLE" ? imageProblems(pods, [image, buildkitImage]) : [];
  if (problem === undefined) return;
  emit({ type: "cause", pod: problem.pod, reason: problem.reason, text: problem.message });
  if (problem.image !== image) return say("Name an image that the nodes can pull with `--buildkit-image`");
  say("Bring it to the nodes and run the command again:");
  say(`  azds image export ${ARCHIVE}`);
  for (const way of waysToLoad(ARCHIVE, image, cluster.context)) say(`  ${way}`);
}
