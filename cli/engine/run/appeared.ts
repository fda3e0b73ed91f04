/** Waits for the first pod of a build, and tells a chart that does not use the tag from a cluster that is late. */
import { AzdsError } from "../../../core/errors.ts";
import { collectionPath, type ObjectKind } from "../../../core/kube/paths.ts";
import type { KubeClient } from "../../../core/kube/types.ts";
import { POD_APPEARS_MS_MAX, POD_READY_MS_MAX } from "../../../core/limits.ts";
import { asArray, asNumber, asString, at } from "../../../core/parse.ts";
import { formatTag, sessionOfImage, type SessionTag } from "../../../core/session.ts";
import { carries } from "../build/builds.ts";
import { causeOfEvent } from "../pods/diagnose.ts";
import type { PodWatch } from "../pods/pod-watch.ts";
import type { ReadyOptions } from "./ready.ts";

/** What makes pods by itself from a template. A CronJob makes them when its time has come. */
const PARENTS: readonly ObjectKind[] = [
  { apiVersion: "apps/v1", kind: "Deployment" },
  { apiVersion: "apps/v1", kind: "StatefulSet" },
  { apiVersion: "apps/v1", kind: "DaemonSet" },
  { apiVersion: "batch/v1", kind: "Job" },
];

export interface AppearedOptions extends ReadyOptions {
  readonly space: string;
  /** Milliseconds for the first pod, and for one that a workload should have made. */
  readonly limits?: { readonly appearMs: number; readonly lateMs: number };
}

const LIMITS = { appearMs: POD_APPEARS_MS_MAX, lateMs: POD_READY_MS_MAX } as const;

/**
 * A pod of the tag is there.
 * @throws AzdsError POD_NOT_STARTED when none appears within POD_APPEARS_MS_MAX, or within POD_READY_MS_MAX where a
 * workload should have made one; SPACE_FORBIDS_PODS as soon as that is known
 */
export async function podsAppeared(watch: PodWatch, options: AppearedOptions): Promise<void> {
  const { appearMs, lateMs } = options.limits ?? LIMITS;
  const refused = new AbortController();
  const unsubscribe = watch.subscribe({
    onEvent: (event) => {
      const cause = causeOfEvent(event);
      if (cause?.final === true) refused.abort(new AzdsError(cause.code, cause.text));
    },
  });
  const signal = AbortSignal.any([options.signal, refused.signal]);
  try {
    if (await appearsWithin(watch, options.tag, { ms: appearMs, signal })) return;
    const parents = await parentsOf({ ...options, signal });
    if (parents.length === 0) throw unused(options.tag);
    const names = parents.join(", ");
    const late = `${names} has made no pod with tag \`${formatTag(options.tag)}\``;
    options.emit({
      type: "message",
      level: "warning",
      text: `${late} after ${appearMs / 1000} s: the cluster's controllers are late; still waiting`,
    });
    if (await appearsWithin(watch, options.tag, { ms: lateMs, signal })) return;
    throw new AzdsError("POD_NOT_STARTED", `${late} after ${lateMs / 1000} s`);
  } finally {
    unsubscribe();
  }
}

interface Limit {
  readonly ms: number;
  readonly signal: AbortSignal;
}

async function appearsWithin(watch: PodWatch, tag: SessionTag, { ms, signal }: Limit): Promise<boolean> {
  const limit = AbortSignal.timeout(ms);
  const look = watch.until(
    (pods) => (pods.some((pod) => carries(pod, tag)) ? true : undefined),
    AbortSignal.any([signal, limit]),
  );
  return look.catch((error: unknown) => {
    if (!limit.aborted || signal.aborted) throw error;
    return false;
  });
}

/** Those whose template has the tag and that are to have pods, as `Kind \`name\``. */
async function parentsOf({ kube, space, tag, signal }: AppearedOptions): Promise<readonly string[]> {
  const found = await Promise.all(PARENTS.map(async (parent) => parentsOfKind(kube, parent, { space, tag, signal })));
  return found.flat();
}

interface Carrying {
  readonly space: string;
  readonly tag: SessionTag;
  readonly signal: AbortSignal;
}

async function parentsOfKind(kube: KubeClient, type: ObjectKind, wanted: Carrying): Promise<readonly string[]> {
  const objects = await kube.list(collectionPath(type, wanted.space), wanted.signal);
  return objects
    .filter((object) => wantsPods(object) && hasTag(at(object, "spec", "template", "spec"), wanted.tag))
    .map((object) => `${type.kind} \`${asString(at(object, "metadata", "name")) ?? ""}\``);
}

function wantsPods(object: unknown): boolean {
  return asNumber(at(object, "spec", "replicas")) !== 0;
}

function hasTag(template: unknown, tag: SessionTag): boolean {
  const containers = [...asArray(at(template, "initContainers")), ...asArray(at(template, "containers"))];
  return containers.some((container) => {
    const found = sessionOfImage(asString(at(container, "image")) ?? "");
    return found?.session === tag.session && found.build === tag.build;
  });
}

function unused(tag: SessionTag): AzdsError {
  return new AzdsError(
    "POD_NOT_STARTED",
    `No workload of the release that is to have pods uses the image tag \`${formatTag(tag)}\`; the chart must use the value that azds.yaml sets to \`$(tag)\``,
  );
}
