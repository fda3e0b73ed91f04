/** Kubernetes Events on the owners of pods: best effort, after the answer, and never in the way of it. */
import { COMPONENT } from "../core/contract.ts";
import type { Clock } from "../core/host/clock.ts";
import type { Log } from "../core/host/log.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { EVENT_MESSAGE_CHARS_MAX, EVENTS_IN_FLIGHT_MAX, EVENTS_REMEMBERED_MAX } from "../core/limits.ts";
import { asArray, asString, at, isObject, type JsonObject } from "../core/parse.ts";
import type { Pod } from "./pod.ts";

export interface PodNote {
  readonly type: "Normal" | "Warning";
  /** Word in upper camel case, as Kubernetes has it in the column REASON. */
  readonly reason: "InjectionSkipped" | "InjectionWarning";
  readonly message: string;
  readonly pod: Pod;
  readonly namespace: string;
}

export interface EventPorts {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Writes notes as events. The same note on the same owner is written once, as a Deployment's pods all bring it. Notes
 * beyond EVENTS_IN_FLIGHT_MAX are dropped: the annotation on the pod says the same.
 */
export function createEvents({ kube, clock, log }: EventPorts): (note: PodNote) => void {
  const recent = new Set<string>();
  let inFlight = 0;
  const isNew = (key: string): boolean => {
    if (recent.has(key)) return false;
    const [oldest] = recent;
    if (recent.size >= EVENTS_REMEMBERED_MAX && oldest !== undefined) recent.delete(oldest);
    recent.add(key);
    return true;
  };
  const write = async (note: PodNote): Promise<void> => {
    inFlight += 1;
    try {
      const path = `/api/v1/namespaces/${encodeURIComponent(note.namespace)}/events`;
      await kube.request({ method: "POST", path, body: eventOf(note, clock.now()) });
    } catch (error) {
      log("warn", "Event was not written", { namespace: note.namespace, reason: note.reason, error: String(error) });
    } finally {
      inFlight -= 1;
    }
  };
  return (note) => {
    if (inFlight >= EVENTS_IN_FLIGHT_MAX) return;
    const { uid } = ownerOf(note.pod);
    // A pod that nothing controls is another one each time, whatever its name.
    if (uid === undefined || isNew(JSON.stringify([uid, note.message]))) void write(note);
  };
}

/** An Event (core/v1). `epochMs` is its time. */
export function eventOf(note: PodNote, epochMs: number): JsonObject {
  const time = new Date(epochMs).toISOString().replace(/\.\d+Z$/, "Z");
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { generateName: "azds-", namespace: note.namespace },
    involvedObject: { ...ownerOf(note.pod), namespace: note.namespace },
    type: note.type,
    reason: note.reason,
    message: note.message.slice(0, EVENT_MESSAGE_CHARS_MAX),
    source: { component: COMPONENT.webhook },
    reportingComponent: COMPONENT.webhook,
    reportingInstance: COMPONENT.webhook,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}

interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid?: string;
}

/** The controller of the pod, which exists and has a name; a pod of its own may have neither name nor uid yet. */
function ownerOf(pod: Pod): Owner {
  const owner = asArray(at(pod, "metadata", "ownerReferences"))
    .filter(isObject)
    .find((reference) => reference["controller"] === true);
  const text = (key: string): string => asString(at(owner, key)) ?? "";
  if (owner !== undefined) {
    return { apiVersion: text("apiVersion"), kind: text("kind"), name: text("name"), uid: text("uid") };
  }
  const name = asString(at(pod, "metadata", "name")) ?? asString(at(pod, "metadata", "generateName")) ?? "";
  return { apiVersion: "v1", kind: "Pod", name };
}
