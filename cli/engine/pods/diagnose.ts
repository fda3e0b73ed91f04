/** Why a pod does not run, from its own status and its events. Pure; each answer is said as soon as the cluster knows it. */
import { CONTAINER, IMAGE_PREFIX } from "../../../core/contract.ts";
import type { ErrorCode } from "../../../core/errors.ts";
import { asString, at } from "../../../core/parse.ts";
import type { ContainerView, PodView } from "./pod-view.ts";

export interface Cause {
  /** Kubernetes' own reason: `Unschedulable`, `ImagePullBackOff`, `CrashLoopBackOff`, … */
  readonly reason: string;
  readonly text: string;
  /** Waiting longer cannot help. */
  readonly final: boolean;
  readonly code: ErrorCode;
  /** Whose output explains it. */
  readonly container: string | undefined;
}

/** Event of the API (v1) about a pod or its owner. */
export interface EventView {
  readonly kind: string;
  readonly name: string;
  readonly reason: string;
  readonly message: string;
  readonly warning: boolean;
  /** `metadata.uid`; the same event counts up under it. */
  readonly uid: string;
}

export function eventView(event: unknown): EventView {
  const text = (...keys: readonly string[]): string => asString(at(event, ...keys)) ?? "";
  return {
    kind: text("involvedObject", "kind"),
    name: text("involvedObject", "name"),
    reason: text("reason"),
    message: text("message"),
    warning: text("type") === "Warning",
    uid: text("metadata", "uid"),
  };
}

const PULL_FAILURES: ReadonlySet<string> = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "ImageInspectError",
  "RegistryUnavailable",
]);
const CONFIG_FAILURES: ReadonlySet<string> = new Set([
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
]);
// Restarts after which the same failure is taken as the application's, not as a dependency's that came up late.
const CRASHES_MAX = 2;

/** The first reason that keeps the pod from being ready, or undefined while nothing is known to be wrong. */
export function causeOf(pod: PodView): Cause | undefined {
  if (pod.unschedulable !== undefined) {
    return {
      reason: "Unschedulable",
      text: pod.unschedulable,
      final: false,
      code: "POD_NOT_STARTED",
      container: undefined,
    };
  }
  for (const container of pod.containers) {
    const cause = containerCause(container, pod);
    if (cause !== undefined) return cause;
  }
  return undefined;
}

function containerCause(container: ContainerView, pod: PodView): Cause | undefined {
  const { state } = container;
  if (state.kind === "waiting" && PULL_FAILURES.has(state.reason)) return pullCause(container, pod);
  if (state.kind === "waiting" && CONFIG_FAILURES.has(state.reason)) {
    const text = `Container \`${container.name}\` cannot be made: ${state.message || state.reason}`;
    return { reason: state.reason, text, final: true, code: "POD_NOT_STARTED", container: container.name };
  }
  return crashCause(container, pod);
}

function pullCause({ image, name, state, tag }: ContainerView, pod: PodView): Cause {
  const waiting = state.kind === "waiting" ? state : { reason: "", message: "" };
  const cause = { reason: waiting.reason, final: true, container: name };
  if (tag !== undefined && !pod.instrumented) {
    const text = `Pod \`${pod.name}\` was made without the webhook, so nobody builds its image \`${image}\``;
    // Its owner makes another when it is deleted (cli/engine/run/uninjected.ts).
    return { ...cause, text, final: !pod.owned, code: "POD_NOT_INJECTED" };
  }
  const why = waiting.message || waiting.reason;
  if (tag !== undefined && mayStillCome(image, waiting)) {
    const text = `Image \`${image}\` of container \`${name}\` is not there yet, and is tried again: ${why}`;
    return { ...cause, text, final: false, code: "POD_NOT_STARTED" };
  }
  const text = `Image \`${image}\` of container \`${name}\` cannot be had: ${why}`;
  return { ...cause, text, code: "POD_NOT_STARTED" };
}

/** What runtimes say when the registry was reached and wants other credentials. */
const REFUSED = /\b(?:401|403)\b|unauthorized|forbidden|access denied|authorization failed|no basic auth credentials/i;

/** A builder pushed it, or makes it again when it is gone; a registry may be slow or away for a moment. */
function mayStillCome(
  image: string,
  { reason, message }: { readonly reason: string; readonly message: string },
): boolean {
  const isPulled = reason === "ErrImagePull" || reason === "ImagePullBackOff" || reason === "RegistryUnavailable";
  return isPulled && !image.startsWith(`${IMAGE_PREFIX}/`) && !REFUSED.test(message);
}

function crashCause(container: ContainerView, pod: PodView): Cause | undefined {
  const { state } = container;
  // Our own init container waits for as long as a build takes and is restarted when the builder went away.
  if (container.name === CONTAINER.build) return undefined;
  const crashing = state.kind === "waiting" && state.reason === "CrashLoopBackOff";
  const failed = state.kind === "terminated" && state.exitCode !== 0;
  if (!crashing && !failed) return undefined;
  const code = state.kind === "terminated" ? state.exitCode : container.lastExitCode;
  const restarts = container.restarts > 0 ? ` (${container.restarts} restarts)` : "";
  return {
    reason: crashing ? "CrashLoopBackOff" : "Error",
    text: `Container \`${container.name}\` ended with exit code ${code ?? "unknown"}${restarts}`,
    // A failed pod is a Job's that is not started again.
    final: container.restarts >= CRASHES_MAX || pod.phase === "Failed",
    code: "POD_CRASHED",
    container: container.name,
  };
}

// Reasons that a pod's status does not carry, or only carries much later.
const TELLING_EVENTS: ReadonlySet<string> = new Set([
  "FailedMount",
  "FailedAttachVolume",
  "FailedCreatePodSandBox",
  "FailedCreate",
  "FailedToRetrieveImagePullSecret",
  "Evicted",
  "OOMKilling",
]);

/** What an event adds to the status of the session's pods and of the objects that make them; undefined: nothing. */
export function causeOfEvent(event: EventView): Cause | undefined {
  if (!TELLING_EVENTS.has(event.reason)) return undefined;
  const text = `${event.kind} \`${event.name}\`: ${event.message}`;
  // A level that is the cluster's default stands in no label, so that `up` could not know before.
  if (event.message.includes("violates PodSecurity") && event.message.includes(CONTAINER.proxyInit))
    return { reason: event.reason, text, final: true, code: "SPACE_FORBIDS_PODS", container: undefined };
  return { reason: event.reason, text, final: false, code: "POD_NOT_STARTED", container: undefined };
}
