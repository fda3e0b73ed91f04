/**
 * One leader among the replicas, by a Lease (coordination.k8s.io/v1). Whether a Lease has run out is told by the time
 * since it was last seen to change, never by the times written in it: clocks of nodes differ.
 */
import { COMPONENT, SYSTEM_NAMESPACE } from "../core/contract.ts";
import type { Clock } from "../core/host/clock.ts";
import type { Log } from "../core/host/log.ts";
import { KubeError, type KubeClient, type KubeRequest } from "../core/kube/types.ts";
import { LEADER_CALL_MS_MAX, LEADER_LEASE_MS, LEADER_RENEW_MS_MAX, LEADER_RETRY_MS } from "../core/limits.ts";
import { asNumber, asString, at } from "../core/parse.ts";
import { CONTROLLER_LABELS } from "./labels.ts";

const COLLECTION = `/apis/coordination.k8s.io/v1/namespaces/${SYSTEM_NAMESPACE}/leases`;
const PATH = `${COLLECTION}/${COMPONENT.controller}`;

export interface ElectionOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Unlike that of every other candidate. */
  readonly identity: string;
  /** In [0, 1): spreads the candidates' attempts. */
  readonly random: () => number;
  /** The leader's work; its signal is aborted when leadership ends. Must not reject. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
}

/** A Lease as read, and when by our clock it was first seen like that. */
export interface Observation {
  readonly version: string;
  /** Empty when it was given back. */
  readonly holder: string;
  readonly transitions: number;
  readonly since: number;
}

/** Takes part until the signal, then gives the Lease back so that another replica can lead at once. Never rejects. */
export async function takePart(options: ElectionOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const lease = await acquire(options, signal);
    if (lease !== undefined) await serveTerm(options, lease, signal);
  }
}

/** What is known of the Lease now; one that did not change is as old as before. */
export function observe(before: Observation | undefined, lease: unknown, now: number): Observation {
  const version = asString(at(lease, "metadata", "resourceVersion")) ?? "";
  if (before?.version === version) return before;
  return {
    version,
    holder: asString(at(lease, "spec", "holderIdentity")) ?? "",
    transitions: asNumber(at(lease, "spec", "leaseTransitions")) ?? 0,
    since: now,
  };
}

export function mayTake(seen: Observation, identity: string, now: number): boolean {
  return seen.holder === "" || seen.holder === identity || now - seen.since >= LEADER_LEASE_MS;
}

/** Waits until the Lease is ours; `undefined` when the signal came first. */
async function acquire(options: ElectionOptions, signal: AbortSignal): Promise<Observation | undefined> {
  let seen: Observation | undefined;
  while (!signal.aborted) {
    try {
      const lease = await options.kube.find(PATH, signal);
      seen = lease === undefined ? undefined : observe(seen, lease, options.clock.now());
      if (seen === undefined || mayTake(seen, options.identity, options.clock.now())) {
        return await write(options, seen, options.identity);
      }
    } catch (error) {
      // Another candidate was faster.
      if (!isConflict(error)) report(options, "Leadership could not be acquired", error);
    }
    await pause(options, signal);
  }
  return undefined;
}

async function serveTerm(options: ElectionOptions, lease: Observation, signal: AbortSignal): Promise<void> {
  options.log("info", "Leading");
  const term = new AbortController();
  const work = options.lead(term.signal);
  const last = await renewUntilLost(options, lease, signal);
  term.abort();
  await work;
  options.log("info", "No longer leading");
  if (last === undefined) return;
  try {
    await write(options, last, "");
  } catch (error) {
    report(options, "Leadership could not be given back", error);
  }
}

/** The Lease as we hold it when the signal comes; `undefined` when it was lost before. */
async function renewUntilLost(
  options: ElectionOptions,
  lease: Observation,
  signal: AbortSignal,
): Promise<Observation | undefined> {
  let held = lease;
  await pause(options, signal);
  while (!signal.aborted) {
    try {
      held = await write(options, held, options.identity);
    } catch (error) {
      report(options, "Leadership could not be renewed", error);
      if (isConflict(error) || options.clock.now() - held.since >= LEADER_RENEW_MS_MAX) return undefined;
    }
    await pause(options, signal);
  }
  return held;
}

/** Writes the Lease unless somebody else did since `seen`; `undefined` makes it. Rejects with KubeError 409 when too late. */
async function write(options: ElectionOptions, seen: Observation | undefined, holder: string): Promise<Observation> {
  const now = options.clock.now();
  const lease = await options.kube.request({
    ...(seen === undefined ? { method: "POST", path: COLLECTION } : { method: "PUT", path: PATH }),
    body: leaseOf({ seen, holder, now, transitions: transitionsOf(seen, holder) }),
    timeoutMs: LEADER_CALL_MS_MAX,
  } satisfies KubeRequest);
  return observe(undefined, lease, now);
}

function transitionsOf(seen: Observation | undefined, holder: string): number {
  if (seen === undefined) return 0;
  return seen.transitions + (holder === "" || holder === seen.holder ? 0 : 1);
}

interface LeaseContent {
  readonly seen: Observation | undefined;
  readonly holder: string;
  readonly now: number;
  readonly transitions: number;
}

function leaseOf(content: LeaseContent): object {
  // MicroTime: RFC 3339 with six digits of fraction.
  const renewTime = new Date(content.now).toISOString().replace("Z", "000Z");
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      name: COMPONENT.controller,
      namespace: SYSTEM_NAMESPACE,
      labels: CONTROLLER_LABELS,
      ...(content.seen === undefined ? {} : { resourceVersion: content.seen.version }),
    },
    spec: {
      holderIdentity: content.holder,
      leaseDurationSeconds: LEADER_LEASE_MS / 1_000,
      leaseTransitions: content.transitions,
      renewTime,
    },
  };
}

async function pause(options: ElectionOptions, signal: AbortSignal): Promise<void> {
  try {
    await options.clock.sleep(LEADER_RETRY_MS * (0.8 + 0.4 * options.random()), signal);
  } catch {
    // Woken by the signal, which the caller's loop looks at.
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof KubeError && error.status === 409;
}

function report(options: ElectionOptions, message: string, error: unknown): void {
  options.log("warn", message, { error: String(error) });
}
