/** Events on pods that run without their redirect: the sidecar has no right to write one. */
import { COMPONENT } from "../core/contract.ts";
import type { Clock } from "../core/host/clock.ts";
import type { Log } from "../core/host/log.ts";
import type { PodReference } from "../core/kube/token-review.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { EVENT_MESSAGE_CHARS_MAX, EVENTS_IN_FLIGHT_MAX } from "../core/limits.ts";
import type { JsonObject } from "../core/parse.ts";
import type { RedirectNote } from "../core/redirect-protocol.ts";

export interface ToldRedirect {
  readonly namespace: string;
  readonly pod: PodReference;
  readonly note: RedirectNote;
}

/** Writes each as an event, after the answer and best effort; beyond EVENTS_IN_FLIGHT_MAX they are dropped. */
export function redirectEvents(
  kube: KubeClient,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): (told: ToldRedirect) => void {
  let inFlight = 0;
  const write = async (told: ToldRedirect): Promise<void> => {
    inFlight += 1;
    try {
      const path = `/api/v1/namespaces/${encodeURIComponent(told.namespace)}/events`;
      await kube.request({ method: "POST", path, body: redirectEvent(told, clock.now()) });
    } catch (error) {
      log("warn", "An event was not written", {
        namespace: told.namespace,
        pod: told.pod.name,
        error: String(error),
      });
    } finally {
      inFlight -= 1;
    }
  };
  return (told) => {
    if (inFlight < EVENTS_IN_FLIGHT_MAX) void write(told);
  };
}

/** An Event (core/v1). `epochMs` is its time. */
export function redirectEvent({ namespace, pod, note }: ToldRedirect, epochMs: number): JsonObject {
  const time = new Date(epochMs).toISOString().replace(/\.\d+Z$/, "Z");
  const message = note.redirected
    ? "The pod's traffic passes through azds now"
    : `The pod's traffic is not redirected, so its requests are not routed by space: ${note.reason}`;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { generateName: "azds-", namespace },
    involvedObject: { apiVersion: "v1", kind: "Pod", namespace, name: pod.name, uid: pod.uid },
    type: note.redirected ? "Normal" : "Warning",
    reason: note.redirected ? "Redirected" : "RedirectMissing",
    message: message.slice(0, EVENT_MESSAGE_CHARS_MAX),
    source: { component: COMPONENT.controller },
    reportingComponent: COMPONENT.controller,
    reportingInstance: COMPONENT.controller,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}
