/**
 * The record of a session as a Lease, and the lock that it is. The Lease's name follows from space and release, so two
 * terminals that start the same service meet at the same object; `resourceVersion` decides who came first.
 */
import { createHash } from "node:crypto";
import { AzdsError } from "../../core/errors.ts";
import type { Clock } from "../../core/host/clock.ts";
import { KubeError, type KubeClient } from "../../core/kube/types.ts";
import { SESSION_CANDIDATES_MAX, SESSION_HEARTBEAT_MS, SESSION_STALE_MS, SESSION_WRITES_MAX } from "../../core/limits.ts";
import { asString, at } from "../../core/parse.ts";
import { leaseOfSession, type Session, sessionOfLease } from "../../core/session.ts";

/** The process that holds a session: `user@host` and its id there. */
export interface Holder {
  readonly owner: string;
  readonly pid: number;
  readonly processAlive: (pid: number) => boolean;
}

export interface SessionKey {
  readonly space: string;
  readonly service: string;
  readonly release: string;
}

export interface AcquireOptions {
  readonly holder: Holder;
  /** Take it even from a living holder. */
  readonly takeOver: boolean;
  readonly clock: Clock;
}

function leasesPath(space: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${space}/leases`;
}

/** `azds-` and six characters; `attempt` moves on where two services' names meet in one. */
export function sessionId(key: SessionKey, attempt: number): string {
  const digest = createHash("sha256").update(`${key.space}/${key.release}/${attempt}`).digest();
  return `azds-${digest.readUIntBE(0, 6).toString(36).padStart(6, "0").slice(-6)}`;
}

/** @throws AzdsError SESSION_HELD with the name of the holder */
export async function acquireSession(kube: KubeClient, key: SessionKey, options: AcquireOptions): Promise<Session> {
  for (let write = 0; write < SESSION_WRITES_MAX; write += 1) {
    const { id, lease } = await findLease(kube, key);
    const current = sessionOfLease(lease);
    if (current !== undefined) refuseIfHeld(current, options);
    const session: Session = {
      ...(current ?? { id, ...key, lastNode: "", build: 0 }),
      owner: options.holder.owner,
      holder: formatHolder(options.holder),
      heartbeat: options.clock.now(),
    };
    if (await written(kube, session, lease)) return session;
  }
  throw new AzdsError("SESSION_HELD", `Service \`${key.service}\` in space \`${key.space}\` is being started by somebody else at this moment`);
}

/** The session of a service, or undefined when it was never up. */
export async function findSession(kube: KubeClient, key: SessionKey): Promise<Session | undefined> {
  return sessionOfLease((await findLease(kube, key)).lease);
}

/** Records a new build, node or holder; fields of the Lease that others manage stay. */
export async function updateSession(kube: KubeClient, session: Session): Promise<void> {
  await kube.request({
    method: "PATCH",
    path: `${leasesPath(session.space)}/${session.id}`,
    contentType: "application/merge-patch+json",
    body: leaseOfSession(session),
  });
}

/** Nobody is attached any more; the record stays for the next `up`, `list-up` and `down`. */
export async function releaseSession(kube: KubeClient, session: Session): Promise<void> {
  await kube.request({
    method: "PATCH",
    path: `${leasesPath(session.space)}/${session.id}`,
    contentType: "application/merge-patch+json",
    body: { spec: { holderIdentity: null } },
  });
}

export async function removeSession(kube: KubeClient, session: Session): Promise<void> {
  await kube.remove(`${leasesPath(session.space)}/${session.id}`);
}

/**
 * Renews the heartbeat until the signal; a missed one is repeated at the next turn, which SESSION_STALE_MS allows three times.
 * @throws AzdsError SESSION_HELD when somebody took the session over
 */
export async function keepSession(kube: KubeClient, session: Session, options: { readonly clock: Clock; readonly signal: AbortSignal }): Promise<void> {
  const path = `${leasesPath(session.space)}/${session.id}`;
  while (!options.signal.aborted) {
    await options.clock.sleep(SESSION_HEARTBEAT_MS, options.signal).catch(() => undefined);
    if (options.signal.aborted) return;
    const current = await kube.find(path).catch(() => undefined);
    const holder = asString(at(current, "spec", "holderIdentity"));
    if (holder !== undefined && holder !== session.holder) {
      throw new AzdsError("SESSION_HELD", `Service \`${session.service}\` was taken over by \`${ownerOf(holder)}\``);
    }
    if (holder !== undefined) await updateHeartbeat(kube, path, options.clock.now()).catch(() => undefined);
  }
}

async function updateHeartbeat(kube: KubeClient, path: string, now: number): Promise<void> {
  const renewTime = new Date(now).toISOString().replace(/Z$/, "000Z");
  await kube.request({ method: "PATCH", path, contentType: "application/merge-patch+json", body: { spec: { renewTime } } });
}

async function findLease(kube: KubeClient, key: SessionKey): Promise<{ readonly id: string; readonly lease: unknown }> {
  for (let attempt = 0; attempt < SESSION_CANDIDATES_MAX; attempt += 1) {
    const id = sessionId(key, attempt);
    const lease = await kube.find(`${leasesPath(key.space)}/${id}`);
    if (lease === undefined || sessionOfLease(lease)?.release === key.release) return { id, lease };
  }
  throw new AzdsError("SESSION_HELD", `No free session name was found for \`${key.service}\` in \`${key.space}\``);
}

function refuseIfHeld(session: Session, options: AcquireOptions): void {
  if (options.takeOver || session.holder === "") return;
  const age = options.clock.now() - session.heartbeat;
  if (age > SESSION_STALE_MS || isOwnDead(session.holder, options.holder)) return;
  throw new AzdsError(
    "SESSION_HELD",
    `Service \`${session.service}\` in space \`${session.space}\` is held by \`${ownerOf(session.holder)}\` (last sign of life ${Math.max(0, Math.round(age / 1000))} s ago)`,
  );
}

/** A killed `azds` of the same user and machine holds nothing any more. */
function isOwnDead(holder: string, own: Holder): boolean {
  const pid = Number(holder.slice(holder.lastIndexOf("/") + 1));
  return ownerOf(holder) === own.owner && (pid === own.pid || !own.processAlive(pid));
}

function formatHolder(holder: Holder): string {
  return `${holder.owner}/${holder.pid}`;
}

function ownerOf(holder: string): string {
  return holder.slice(0, holder.lastIndexOf("/"));
}

/** False when another process wrote in between. */
async function written(kube: KubeClient, session: Session, before: unknown): Promise<boolean> {
  const lease = leaseOfSession(session);
  const path = leasesPath(session.space);
  try {
    if (before === undefined) await kube.request({ method: "POST", path, body: lease });
    else {
      const resourceVersion = at(before, "metadata", "resourceVersion");
      const metadata = { ...(lease["metadata"] as object), resourceVersion };
      await kube.request({ method: "PUT", path: `${path}/${session.id}`, body: { ...lease, metadata } });
    }
    return true;
  } catch (error) {
    if (error instanceof KubeError && error.status === 409) return false;
    throw error;
  }
}
