/**
 * The record of a session as a Lease, and the lock that it is. Names are random: a tag must never name two builds, not
 * even after `down` and `up`, because a node keeps the images of old ones. Of two Leases for one release the older one
 * counts, so two terminals that start the same service at once agree; `resourceVersion` orders writes to one Lease.
 */
import { randomBytes } from "node:crypto";
import { SESSION_LABEL } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import type { Clock } from "../../core/host/clock.ts";
import { KubeError, type KubeClient } from "../../core/kube/types.ts";
import { SESSION_HEARTBEAT_MS, SESSION_STALE_MS, SESSION_WRITES_MAX } from "../../core/limits.ts";
import { asString, at, isObject, type JsonObject } from "../../core/parse.ts";
import {
  leaseOfSession,
  PLAIN_CONTAINER,
  type Session,
  SESSION_ANNOTATION,
  type SessionEdits,
  sessionOfLease,
} from "../../core/session.ts";

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

const ID_CHARS = "abcdefghijklmnopqrstuvwxyz0123456789";

/** `azds-` and six random characters. */
function newSessionId(): string {
  return `azds-${Array.from(randomBytes(6), (byte) => ID_CHARS[byte % ID_CHARS.length]).join("")}`;
}

/** @throws AzdsError SESSION_HELD with the name of the holder */
export async function acquireSession(kube: KubeClient, key: SessionKey, options: AcquireOptions): Promise<Session> {
  for (let write = 0; write < SESSION_WRITES_MAX; write += 1) {
    const lease = await findLease(kube, key);
    const current = sessionOfLease(lease);
    if (current !== undefined) refuseIfHeld(current, options);
    const session: Session = {
      ...(current ?? { id: newSessionId(), ...key, lastNode: "", build: 0, container: PLAIN_CONTAINER, inputs: "" }),
      owner: options.holder.owner,
      holder: formatHolder(options.holder),
      heartbeat: options.clock.now(),
    };
    if (!(await written(kube, session, lease))) continue;
    if (lease !== undefined) return session;
    if (sessionOfLease(await findLease(kube, key))?.id === session.id) return session;
    // Somebody else was first by a moment: theirs counts.
    await removeSession(kube, session);
  }
  throw new AzdsError(
    "SESSION_HELD",
    `Service \`${key.service}\` in space \`${key.space}\` is being started by somebody else at this moment`,
  );
}

/** The session of a service, or undefined when it was never up. */
export async function findSession(kube: KubeClient, key: SessionKey): Promise<Session | undefined> {
  return sessionOfLease(await findLease(kube, key));
}

/** Records what is known of the build; holder and heartbeat are not touched, they may be somebody else's by now. */
export async function recordBuild(kube: KubeClient, session: Session): Promise<void> {
  await kube.request({
    method: "PATCH",
    path: `${leasesPath(session.space)}/${session.id}`,
    contentType: "application/merge-patch+json",
    body: {
      metadata: {
        annotations: {
          [SESSION_ANNOTATION.build]: String(session.build),
          [SESSION_ANNOTATION.lastNode]: session.lastNode,
          [SESSION_ANNOTATION.container]: JSON.stringify(session.container),
          [SESSION_ANNOTATION.inputs]: session.inputs,
        },
      },
    },
  });
}

/** What was edited in place, for pods that start later and for `list-up`. */
export async function recordEdits(
  kube: KubeClient,
  session: Pick<Session, "id" | "space">,
  edits: SessionEdits,
): Promise<void> {
  await kube.request({
    method: "PATCH",
    path: `${leasesPath(session.space)}/${session.id}`,
    contentType: "application/merge-patch+json",
    body: { metadata: { annotations: { [SESSION_ANNOTATION.edits]: JSON.stringify(edits) } } },
  });
}

/** Nobody is attached any more; the record stays for the next `up`, `list-up` and `down`. */
export async function releaseSession(kube: KubeClient, session: Session): Promise<void> {
  const path = "/spec/holderIdentity";
  await kube.request({
    method: "PATCH",
    path: `${leasesPath(session.space)}/${session.id}`,
    contentType: "application/json-patch+json",
    // Whoever took it over keeps it.
    body: [
      { op: "test", path, value: session.holder },
      { op: "remove", path },
    ],
  });
}

export async function removeSession(kube: KubeClient, session: Session): Promise<void> {
  await kube.remove(`${leasesPath(session.space)}/${session.id}`);
}

/**
 * Renews the heartbeat until the signal; a missed one is repeated at the next turn, which SESSION_STALE_MS allows three times.
 * @throws AzdsError SESSION_HELD when somebody took the session over
 */
export async function keepSession(
  kube: KubeClient,
  session: Session,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
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
  await kube.request({
    method: "PATCH",
    path,
    contentType: "application/merge-patch+json",
    body: { spec: { renewTime } },
  });
}

/** The oldest Lease of the release. */
async function findLease(kube: KubeClient, key: SessionKey): Promise<unknown> {
  const leases = await kube.list(`${leasesPath(key.space)}?labelSelector=${encodeURIComponent(SESSION_LABEL)}`);
  const own = leases.filter((lease) => sessionOfLease(lease)?.release === key.release);
  return own.toSorted((a, b) => ageOf(a).localeCompare(ageOf(b)))[0];
}

/** Sorts by time of creation, which has seconds only, then by name. */
function ageOf(lease: unknown): string {
  const text = (key: string): string => asString(at(lease, "metadata", key)) ?? "";
  return `${text("creationTimestamp")} ${text("name")}`;
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

/** The API server refuses the write (409) unless the object still has this version. */
function withVersion(object: JsonObject, resourceVersion: unknown): JsonObject {
  const metadata = object["metadata"];
  return { ...object, metadata: { ...(isObject(metadata) ? metadata : {}), resourceVersion } };
}

/** False when another process wrote in between. */
async function written(kube: KubeClient, session: Session, before: unknown): Promise<boolean> {
  const lease = leaseOfSession(session);
  const path = leasesPath(session.space);
  try {
    if (before === undefined) await kube.request({ method: "POST", path, body: lease });
    else {
      const resourceVersion = at(before, "metadata", "resourceVersion");
      await kube.request({ method: "PUT", path: `${path}/${session.id}`, body: withVersion(lease, resourceVersion) });
    }
    return true;
  } catch (error) {
    if (error instanceof KubeError && error.status === 409) return false;
    throw error;
  }
}
