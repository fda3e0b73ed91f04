/**
 * The session pods of this node. One whose image the kubelet cannot find gets it back, whatever removed it: its init
 * container has long ended and nobody else asks for it. What a pod waits for is told in its events.
 */
import type { Log } from "../core/host/log.ts";
import { COMPONENT, SESSION_LABEL } from "../core/contract.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { EVENT_MESSAGE_CHARS_MAX } from "../core/limits.ts";
import { asArray, asString, at, type JsonObject } from "../core/parse.ts";
import { awaitImages, type AwaitPorts, type ImageNews } from "./await-images.ts";
import { namespaceOfImage } from "./request.ts";

export interface NodePodsOptions extends AwaitPorts {
  readonly kube: KubeClient;
  readonly node: string;
  /** Of all our images. */
  readonly prefix: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface NodePods {
  /** Writes an event on each pod of this node that needs the image. Best effort. */
  readonly tell: (news: ImageNews) => void;
}

export interface SessionPod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** Images of ours that its containers need. */
  readonly images: readonly string[];
  /** Those of them that the kubelet looked for in vain. */
  readonly missing: readonly string[];
}

/** The kubelet's words for an image that is not there and may not be pulled, or could not be. */
const LACKING: ReadonlySet<unknown> = new Set(["ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff"]);

export function followPods(options: NodePodsOptions): NodePods {
  const { kube, node, log, signal } = options;
  const pods = new Map<string, SessionPod>();
  const healing = new Map<string, AbortController>();
  const tell = (news: ImageNews): void => {
    for (const pod of pods.values()) if (pod.images.includes(news.image)) void writeEvent(options, pod, news);
  };
  const heal = (pod: SessionPod): void => {
    if (healing.has(pod.uid)) return;
    const stop = new AbortController();
    healing.set(pod.uid, stop);
    const { namespace, missing: images } = pod;
    log("info", "A pod lacks its image", { namespace, pod: pod.name, images });
    const either = AbortSignal.any([signal, stop.signal]);
    awaitImages(options, { namespace, images, believeMs: 0, onNews: tell, signal: either })
      .catch((error: unknown) => {
        if (!stop.signal.aborted) log("warn", "An image could not be restored", { images, error: String(error) });
      })
      .finally(() => healing.delete(pod.uid));
  };
  const forget = (uid: string): void => {
    pods.delete(uid);
    healing.get(uid)?.abort(new Error("The pod needs the image no longer"));
  };
  const take = (object: unknown): void => {
    const pod = sessionPod(object, options.prefix);
    pods.set(pod.uid, pod);
    if (pod.missing.length > 0) heal(pod);
    else healing.get(pod.uid)?.abort(new Error("The pod has its images"));
  };
  const selectors = `fieldSelector=spec.nodeName%3D${node}&labelSelector=${encodeURIComponent(SESSION_LABEL)}`;
  const follow = async (): Promise<void> => {
    for await (const event of kube.watch(`/api/v1/pods?${selectors}`, signal)) {
      if (event.type === "reset") for (const uid of pods.keys()) forget(uid);
      else if (event.type === "deleted") forget(sessionPod(event.object, options.prefix).uid);
      else if (event.type !== "synced") take(event.object);
    }
  };
  follow().catch((error: unknown) => {
    if (!signal.aborted) log("error", "The pods of this node cannot be watched", { error: String(error) });
  });
  return { tell };
}

export function sessionPod(object: unknown, prefix: string): SessionPod {
  const text = (key: string): string => asString(at(object, "metadata", key)) ?? "";
  const namespace = text("namespace");
  const containers = ["initContainers", "containers"].flatMap((key) => asArray(at(object, "spec", key)));
  const statuses = ["initContainerStatuses", "containerStatuses"].flatMap((key) => asArray(at(object, "status", key)));
  const lacking = new Set(
    statuses
      .filter((status) => LACKING.has(at(status, "state", "waiting", "reason")))
      .map((status) => at(status, "name")),
  );
  // A status names the image by what it was when the container last ran: its digest.
  const ours = (some: readonly unknown[]): readonly string[] => {
    const images = some.map((container) => asString(at(container, "image")) ?? "");
    return [...new Set(images.filter((image) => namespaceOfImage(prefix, image) === namespace))];
  };
  const isGoing = at(object, "metadata", "deletionTimestamp") !== undefined;
  return {
    name: text("name"),
    namespace,
    uid: text("uid"),
    images: ours(containers),
    missing: isGoing ? [] : ours(containers.filter((container) => lacking.has(at(container, "name")))),
  };
}

async function writeEvent(
  { kube, clock, log, node }: NodePodsOptions,
  pod: SessionPod,
  news: ImageNews,
): Promise<void> {
  try {
    const path = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/events`;
    await kube.request({ method: "POST", path, body: eventOf(pod, news, { node, epochMs: clock.now() }) });
  } catch (error) {
    log("warn", "An event was not written", { namespace: pod.namespace, pod: pod.name, error: String(error) });
  }
}

/** An Event (core/v1). */
function eventOf(
  { namespace, name, uid }: SessionPod,
  news: ImageNews,
  { node, epochMs }: { readonly node: string; readonly epochMs: number },
): JsonObject {
  const time = new Date(epochMs).toISOString().replace(/\.\d+Z$/, "Z");
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { generateName: "azds-", namespace },
    involvedObject: { apiVersion: "v1", kind: "Pod", namespace, name, uid },
    // During `azds up` this is how every first pod starts, so it is no warning.
    type: "Normal",
    reason: news.state === "missing" ? "ImageAwaited" : "ImageRestored",
    message: news.text.slice(0, EVENT_MESSAGE_CHARS_MAX),
    source: { component: COMPONENT.builder, host: node },
    reportingComponent: COMPONENT.builder,
    reportingInstance: node,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}
