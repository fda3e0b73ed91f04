/**
 * From changed sources to ready pods. The first time Helm goes first, because only a pod has a way to its node's builder;
 * afterwards the build goes first, through the living pod, so that a build that fails changes nothing in the cluster.
 */
import type { Session, SessionTag } from "../../../core/session.ts";
import { formatTag } from "../../../core/session.ts";
import type { Context } from "../../context.ts";
import type { Host } from "../../host.ts";
import type { BuildSource } from "../build/builder-client.ts";
import { type BuildJob, buildThrough, carries, serveWaitingPods } from "../build/builds.ts";
import type { PodWatch } from "../pods/pod-watch.ts";
import { isAtHome, offersTunnel, type PodView } from "../pods/pod-view.ts";
import { podsAppeared } from "./appeared.ts";
import { type Prepared, tokensFor } from "./prepare.ts";
import { podsReady } from "./ready.ts";
import { installRelease } from "./release.ts";
import { recordBuild } from "../session-store.ts";
import type { Step } from "../steps.ts";

export interface DeployRequest {
  readonly prepared: Prepared;
  readonly session: Session;
  /** Never used before, also not by a deployment that failed. */
  readonly tag: SessionTag;
  readonly watch: PodWatch;
  readonly source: BuildSource;
  /** Digest of what image and release are made from; recorded once the pods are ready. */
  readonly inputs: string;
  readonly clean: boolean;
  readonly step: Step;
  /** Resolves when an application has ended that its container holds for the next save: waiting on would be in vain. */
  readonly held: (signal: AbortSignal) => Promise<void>;
  /** Rejects when pods are made without the webhook again and again. */
  readonly remaking: Promise<void>;
}

export interface Deployed {
  /** As it is recorded now. */
  readonly session: Session;
  readonly tag: SessionTag;
  readonly pods: readonly PodView[];
}

export async function deploy(request: DeployRequest, context: Context): Promise<Deployed> {
  const { prepared, watch, step, tag } = request;
  // Counted before it is used: a killed `up` never leaves a tag that the next one would use for other sources.
  const session: Session = { ...request.session, build: tag.build, inputs: "" };
  await recordBuild(prepared.cluster.kube, session);
  const { host, emit, signal } = context;
  // Ends the background work of this deployment; the pod watch itself lives on.
  const ended = new AbortController();
  const job: BuildJob = {
    kube: prepared.cluster.kube,
    project: prepared.project,
    expansion: {
      tokens: tokensFor(prepared, formatTag(tag)),
      variables: { ...prepared.project.variables, ...host.env },
    },
    source: request.source,
    tag,
    imagePrefix: prepared.imagePrefix,
    clean: request.clean,
    emit,
    step,
    clock: host.clock,
    signal: AbortSignal.any([signal, ended.signal]),
  };
  const options = { kube: prepared.cluster.kube, tag, emit, clock: host.clock, signal };
  try {
    const living = await livingPod(watch, job, context);
    if (living !== undefined) await buildThrough(watch, living, job);
    const builds = Promise.race([
      serveWaitingPods(watch, job, living === undefined ? [] : [living.node]),
      neverResolved(request.remaking),
    ]);
    // A failed build ends the wait below; after it, nobody listens any more.
    builds.catch(() => undefined);
    await Promise.race([install(request, job, host), builds]);
    await Promise.race([podsAppeared(watch, { ...options, space: prepared.target.namespace }), builds]);
    const pods = await step("wait", "Waiting for container", async () =>
      Promise.race([podsReady(watch, options), heldPods(request, ended.signal), neverResolved(builds)]),
    );
    const deployed: Session = { ...session, lastNode: pods[0]?.node ?? "", inputs: request.inputs };
    await recordBuild(prepared.cluster.kube, deployed);
    return { session: deployed, tag, pods };
  } finally {
    ended.abort(new Error("The deployment has ended"));
  }
}

/**
 * A pod of an earlier build whose sidecar runs, and whose images are where the new one goes; the first list of the watch
 * is waited for.
 */
async function livingPod(
  watch: PodWatch,
  { tag, imagePrefix }: BuildJob,
  context: Context,
): Promise<PodView | undefined> {
  await watch.synced(context.signal);
  return watch.pods().find((pod) => offersTunnel(pod) && isAtHome(pod, tag.session, imagePrefix));
}

async function install(request: DeployRequest, job: BuildJob, host: Host): Promise<void> {
  const { prepared } = request;
  await request.step("install", "Installing Helm chart", async () =>
    installRelease(prepared.helm, {
      project: prepared.project,
      release: prepared.release,
      target: prepared.target,
      tokens: job.expansion.tokens,
      environment: job.expansion.variables,
      host,
    }),
  );
}

/** The pods of the tag, once an application among them is held. Never rejects: podsReady knows better why. */
async function heldPods({ held, watch, tag }: DeployRequest, signal: AbortSignal): Promise<readonly PodView[]> {
  await held(signal).catch(async () => new Promise<never>(() => undefined));
  return watch.pods().filter((pod) => carries(pod, tag) && !pod.deleting);
}

/** Only a rejection of background work may end a race. */
async function neverResolved(work: Promise<void>): Promise<never> {
  await work;
  return new Promise<never>(() => undefined);
}
