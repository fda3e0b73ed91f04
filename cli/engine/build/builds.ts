/**
 * Builds for the pods of one tag: each node with a pod that waits gets the context and builds once, whatever number of
 * pods, replicas, Jobs or hooks stand there.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildRequest, DISK_FULL, REGISTRY_AUTH } from "../../../core/builder-protocol.ts";
import { AzdsError } from "../../../core/errors.ts";
import type { Clock } from "../../../core/host/clock.ts";
import { runProcess } from "../../../core/host/run-process.ts";
import type { KubeClient } from "../../../core/kube/types.ts";
import { BUILDER_AWAY_MS, BUILDER_RETURN_MS_MAX, IMAGE_FETCH_MS_MAX } from "../../../core/limits.ts";
import { formatTag, type SessionTag } from "../../../core/session.ts";
import type { Project } from "../../project/load.ts";
import { expandText, type Expansion } from "../../project/expand.ts";
import { followBuild } from "./build-progress.ts";
import { agentSocket, readSecrets } from "./build-secrets.ts";
import {
  type BuilderClient,
  type BuildSource,
  messageOf,
  openBuilderClient,
  type TunnelOptions,
} from "./builder-client.ts";
import type { Emit } from "../events.ts";
import type { PodWatch } from "../pods/pod-watch.ts";
import { offersTunnel, type PodView, repositoriesOf, tagsOf, waitsForBuild } from "../pods/pod-view.ts";
import { registryAuth } from "./registry-auth.ts";
import type { Step } from "../steps.ts";

export interface BuildJob {
  readonly kube: KubeClient;
  readonly project: Project;
  readonly expansion: Expansion;
  readonly source: BuildSource;
  readonly tag: SessionTag;
  /** Of all built images. */
  readonly imagePrefix: string;
  /** `--no-cache --pull`. */
  readonly clean: boolean;
  readonly emit: Emit;
  readonly step: Step;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Sends the context through a `pod` that runs to its node's builder and builds every image that the pod has of the job's
 * session.
 * @throws AzdsError BUILD_FAILED, BUILDER_UNAVAILABLE, CONNECTION_LOST, SYNC_FAILED
 */
export async function buildThrough(watch: PodWatch, pod: PodView, job: BuildJob): Promise<void> {
  const stillNeeded = (): boolean => watch.pods().some((other) => other.uid === pod.uid && offersTunnel(other));
  await buildTwice(pod, repositoriesOf(pod, job.tag.session, job.imagePrefix), { job, stillNeeded });
}

interface Attempt {
  readonly job: BuildJob;
  /** Whether a second attempt makes sense. */
  readonly stillNeeded: () => boolean;
}

/** A builder that goes away in the middle is restarted by the kubelet, and one without room makes some. */
async function buildTwice(pod: PodView, repositories: readonly string[], { job, stillNeeded }: Attempt): Promise<void> {
  try {
    await buildOnce(pod, repositories, job);
  } catch (error) {
    const isAway =
      error instanceof AzdsError && (error.code === "CONNECTION_LOST" || error.code === "BUILDER_UNAVAILABLE");
    const hasMadeRoom = error instanceof AzdsError && error.code === "SYNC_FAILED" && DISK_FULL.test(error.message);
    if (!(isAway || hasMadeRoom) || job.signal.aborted || !stillNeeded()) throw error;
    const text = hasMadeRoom
      ? `${error.message}; build cache and old sources were removed there, and it is tried once more`
      : `The builder of node \`${pod.node}\` went away (${error.code}: ${error.message}); the build is tried once more`;
    job.emit({ type: "message", level: "warning", text });
    if (isAway) await builderBack(pod, { job, stillNeeded });
    await buildOnce(pod, repositories, job);
  }
}

/** Resolves as soon as the builder answers; the last failure counts after BUILDER_RETURN_MS_MAX. */
async function builderBack(pod: PodView, { job, stillNeeded }: Attempt): Promise<void> {
  const began = job.clock.now();
  let mentionMs = BUILDER_AWAY_MS;
  for (;;) {
    try {
      const builder = await openBuilderClient(job.kube, { ...tunnelOf(pod, job), agent: undefined });
      await builder.close();
      return;
    } catch (error) {
      const awayMs = job.clock.now() - began;
      if (job.signal.aborted || !stillNeeded() || awayMs > BUILDER_RETURN_MS_MAX) throw error;
      if (awayMs < mentionMs) continue;
      mentionMs *= 2;
      const text = `The builder of node \`${pod.node}\` is away for ${Math.round(awayMs / 1000)} s: ${messageOf(error)}`;
      job.emit({ type: "message", level: "warning", text });
    }
  }
}

function tunnelOf(pod: PodView, { signal, clock }: BuildJob): Omit<TunnelOptions, "agent"> {
  return { namespace: pod.namespace, pod: pod.name, signal, clock };
}

async function buildOnce(pod: PodView, repositories: readonly string[], job: BuildJob): Promise<void> {
  const { build } = job.project.config;
  const secrets = await secretsFor(pod, job);
  const builder = await openBuilderClient(job.kube, {
    ...tunnelOf(pod, job),
    agent: build.ssh.length === 0 ? undefined : agentSocket(job.expansion.variables),
  });
  const progress = followBuild(job.emit, job.clock);
  try {
    const sent = await job.step("sync", "Synchronizing files", async () => builder.sync(job.source));
    job.emit({
      type: "message",
      level: "verbose",
      text: `Sent ${sent.files} files, ${sent.bytesSent} bytes, to node \`${pod.node}\``,
    });
    await job.step("build", "Building container image", async () => {
      for (const repository of repositories)
        await builder.build({ request: requestFor(repository, job, secrets), secrets, onEvent: progress.onEvent });
    });
  } catch (error) {
    throw await withSpace(error, pod.node, builder);
  } finally {
    progress.end();
    await builder.close().catch(() => undefined);
  }
}

/**
 * Serves waiting pods of the job's tag until the signal; rejects with the first failed build.
 * A pod that the scheduler places on another node later is served when it appears.
 *
 * @param built nodes that have the images already
 */
export async function serveWaitingPods(watch: PodWatch, job: BuildJob, built: readonly string[]): Promise<void> {
  const served = new Set(built);
  while (!job.signal.aborted) {
    const pod = await watch.until(
      (pods) =>
        pods.find(
          (candidate) => waitsForBuild(candidate) && carries(candidate, job.tag) && !served.has(candidate.node),
        ),
      job.signal,
    );
    served.add(pod.node);
    if (built.length > 0 && (await comesByItself(watch, pod, job))) continue;
    try {
      const stillNeeded = (): boolean => !stoppedWaiting(watch, pod);
      await buildTwice(pod, repositoriesOf(pod, job.tag.session, job.imagePrefix), { job, stillNeeded });
    } catch (error) {
      // The pod may have been replaced, or may have found its images: then its tunnel has ended and nothing is missing.
      if (job.signal.aborted || !stoppedWaiting(watch, pod)) throw error;
      // Or its node went away, and it waits again when the node is back.
      served.delete(pod.node);
    }
  }
}

/** Another node has the image already: the pod's own builder fetches it, which is quicker than building it once more. */
async function comesByItself(watch: PodWatch, pod: PodView, job: BuildJob): Promise<boolean> {
  const patience = new AbortController();
  const came = watch.until(
    () => stoppedWaiting(watch, pod) || undefined,
    AbortSignal.any([job.signal, patience.signal]),
  );
  try {
    return await Promise.race([came, job.clock.sleep(IMAGE_FETCH_MS_MAX, patience.signal).then(() => false)]);
  } finally {
    came.catch(() => undefined);
    patience.abort(new Error("The image came, or was waited for long enough"));
  }
}

function stoppedWaiting(watch: PodWatch, pod: PodView): boolean {
  return !watch.pods().some((other) => other.uid === pod.uid && waitsForBuild(other));
}

export function carries(pod: PodView, tag: SessionTag): boolean {
  return tagsOf(pod, tag.session).some((own) => own.build === tag.build);
}

/** The same failure with the node and its space, when its disk is full. */
async function withSpace(failure: unknown, node: string, builder: BuilderClient): Promise<unknown> {
  if (!(failure instanceof AzdsError) || !DISK_FULL.test(failure.message)) return failure;
  const space = await builder.space().catch(() => "how much is free cannot be seen");
  return new AzdsError(failure.code, `The disk of node \`${node}\` has no room for it (${space}): ${failure.message}`, {
    cause: failure,
  });
}

/** Contents by id, in the order in which the request announces them. */
async function secretsFor(pod: PodView, job: BuildJob): Promise<ReadonlyMap<string, Uint8Array>> {
  const { variables } = job.expansion;
  const secrets = await readSecrets(job.project, variables);
  const dockerfile = await readFile(join(job.project.contextFolder, job.project.dockerfile), "utf8");
  const auth = await registryAuth({
    kube: job.kube,
    pod,
    set: job.project.config.install.set,
    dockerfile,
    args: argumentsFor(job),
    variables,
    run: runProcess,
    signal: job.signal,
  });
  return auth === undefined ? secrets : new Map([...secrets, [REGISTRY_AUTH, auth]]);
}

function argumentsFor({ project, expansion }: BuildJob): Readonly<Record<string, string>> {
  const { args } = project.config.build;
  return Object.fromEntries(Object.entries(args).map(([key, value]) => [key, expandText(value, expansion)]));
}

function requestFor(repository: string, job: BuildJob, secrets: ReadonlyMap<string, Uint8Array>): BuildRequest {
  const { build } = job.project.config;
  return {
    session: job.tag.session,
    image: `${repository}:${formatTag(job.tag)}`,
    tree: job.source.tree,
    dockerfile: job.project.dockerfile,
    ...(build.target === undefined ? {} : { target: build.target }),
    args: argumentsFor(job),
    clean: job.clean,
    secrets: [...secrets.keys()].filter((id) => id !== REGISTRY_AUTH),
    registryAuth: secrets.has(REGISTRY_AUTH),
    ssh: build.ssh,
  };
}
