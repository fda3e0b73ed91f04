/** Whether each part of azds is ready, read from its object; pure. */
import { asArray, asNumber, asString, at } from "../../core/parse.ts";

export interface Progress {
  readonly ready: number;
  readonly wanted: number;
  /** Ready, and all of the newest version. */
  readonly done: boolean;
}

const NOTHING: Progress = { ready: 0, wanted: 0, done: false };

export function deploymentProgress(deployment: unknown): Progress {
  if (deployment === undefined) return NOTHING;
  const wanted = asNumber(at(deployment, "spec", "replicas")) ?? 1;
  const ready = asNumber(at(deployment, "status", "availableReplicas")) ?? 0;
  const updated = asNumber(at(deployment, "status", "updatedReplicas")) ?? 0;
  // Those of the old version are available too: until they are gone nothing is known of the new ones.
  const old = (asNumber(at(deployment, "status", "replicas")) ?? 0) - updated;
  return { ready, wanted, done: isObserved(deployment) && updated >= wanted && old <= 0 && ready >= wanted };
}

/** @param usable nodes that can run it; the scheduler also counts nodes that are not Ready */
export function daemonSetProgress(daemonSet: unknown, usable: number): Progress {
  if (daemonSet === undefined) return NOTHING;
  const scheduled = asNumber(at(daemonSet, "status", "desiredNumberScheduled")) ?? 0;
  const wanted = Math.min(scheduled, usable);
  const ready = asNumber(at(daemonSet, "status", "numberAvailable")) ?? 0;
  const updated = asNumber(at(daemonSet, "status", "updatedNumberScheduled")) ?? 0;
  return { ready, wanted, done: isObserved(daemonSet) && wanted > 0 && updated >= wanted && ready >= wanted };
}

/** The API server can call the webhook once the controller has told it whom to trust. */
export function admissionProgress(configuration: unknown): Progress {
  const webhooks = asArray(at(configuration, "webhooks"));
  const ready = webhooks.filter((webhook) => (asString(at(webhook, "clientConfig", "caBundle")) ?? "") !== "").length;
  return { ready, wanted: webhooks.length, done: webhooks.length > 0 && ready === webhooks.length };
}

/** The status belongs to the newest specification. */
function isObserved(object: unknown): boolean {
  const generation = asNumber(at(object, "metadata", "generation")) ?? 0;
  return (asNumber(at(object, "status", "observedGeneration")) ?? -1) >= generation;
}
