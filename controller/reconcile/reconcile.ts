/** What the leader keeps true in the cluster: reads, plans, then changes what differs. */
import { SESSION_LABEL } from "../../core/contract.ts";
import type { Clock } from "../../core/host/clock.ts";
import type { Log } from "../../core/host/log.ts";
import type { KubeClient } from "../../core/kube/types.ts";
import { asArray, at } from "../../core/parse.ts";
import type { RouteIndex } from "../index/route-index.ts";
import { CONTROLLER_SELECTOR } from "../labels.ts";
import { eachOf } from "./each-of.ts";
import { bindingObject, parseBinding, planBindings, wantedBindings, type BindingStep } from "./role-bindings.ts";
import {
  parseLease,
  quietSessions,
  sessionPodsPath,
  sight,
  type SessionLease,
  type Sightings,
} from "./stale-sessions.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const OURS = `${RBAC}/rolebindings?labelSelector=${encodeURIComponent(CONTROLLER_SELECTOR)}`;
const SESSIONS = `/apis/coordination.k8s.io/v1/leases?labelSelector=${encodeURIComponent(SESSION_LABEL)}`;

export interface ReconcileContext {
  readonly kube: KubeClient;
  /** Must be synced: what it does not know would be removed. */
  readonly index: RouteIndex;
  readonly clock: Clock;
  readonly log: Log;
}

/** Rejects when the bindings cannot be read; a step that fails is logged, and tried again the next time. */
export async function reconcileBindings(context: ReconcileContext, signal: AbortSignal): Promise<void> {
  const { kube, index, log } = context;
  const found = (await kube.list(OURS, signal)).flatMap((object) => parseBinding(object) ?? []);
  const wanted = wantedBindings(index.spaces(), index.forest());
  // Whoever removes a space keeps their rights in it until it is gone.
  const steps = planBindings(wanted, found).filter((step) => !index.isTerminating(step.binding.namespace));
  // A removal may make room for a write of the same name.
  for (const type of ["remove", "write"] as const) {
    const group = steps.filter((step) => step.type === type);
    await eachOf(group, async (step) => applyBinding(kube, step, signal), log);
  }
}

async function applyBinding(kube: KubeClient, step: BindingStep, signal: AbortSignal): Promise<void> {
  const { binding } = step;
  const path = `${RBAC}/namespaces/${binding.namespace}/rolebindings/${binding.name}`;
  switch (step.type) {
    case "remove":
      await kube.remove(path, { signal });
      return;
    case "write":
      await kube.apply(path, bindingObject(binding), { force: true, signal });
  }
}

/** Removes abandoned sessions; returns what to hand in the next time. Rejects when the Leases cannot be read. */
export async function reconcileSessions(
  context: ReconcileContext,
  before: Sightings,
  signal: AbortSignal,
): Promise<Sightings> {
  const { kube, clock, log } = context;
  const leases = (await kube.list(SESSIONS, signal)).flatMap(parseLease);
  const sightings = sight(before, leases, clock.now());
  const quiet = quietSessions(leases, sightings, clock.now());
  await eachOf(quiet, async (lease) => removeUnlessRunning(context, lease, signal), log);
  return sightings;
}

async function removeUnlessRunning(context: ReconcileContext, lease: SessionLease, signal: AbortSignal): Promise<void> {
  const { kube, log } = context;
  const { session, uid, version } = lease;
  const pods = await kube.request({ method: "GET", path: sessionPodsPath(session), signal });
  if (asArray(at(pods, "items")).length > 0) return;
  await kube.request({
    method: "DELETE",
    path: `/apis/coordination.k8s.io/v1/namespaces/${session.space}/leases/${session.id}`,
    // Whoever comes back in this moment keeps the session.
    body: { preconditions: { uid, resourceVersion: version } },
    signal,
  });
  log("info", "Abandoned session removed", { space: session.space, service: session.service, session: session.id });
}
