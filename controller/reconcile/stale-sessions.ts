/**
 * Sessions that nobody holds any more and nothing runs for: the first `up` died before a pod was made, or the release was
 * removed without azds. A session with a pod stays, however old. Removing one loses nothing: the next `up` makes another.
 */
import { SESSION_LABEL } from "../../core/contract.ts";
import { sessionOfLease, type Session } from "../../core/session.ts";
import { SESSION_STALE_MS } from "../../core/limits.ts";
import { asString, at } from "../../core/parse.ts";

/** Per Lease (by UID) its version, and when by our clock it was first seen like that; laptops' clocks prove nothing. */
export type Sightings = ReadonlyMap<string, Sighting>;

export interface Sighting {
  readonly version: string;
  readonly since: number;
}

/** A session's Lease as read. */
export interface SessionLease {
  readonly session: Session;
  readonly uid: string;
  readonly version: string;
}

export function sight(before: Sightings, leases: readonly SessionLease[], now: number): Sightings {
  return new Map(
    leases.map(({ uid, version }) => {
      const known = before.get(uid);
      return [uid, known?.version === version ? known : { version, since: now }];
    }),
  );
}

/** Those without a sign of life for SESSION_STALE_MS; whether each has a pod is still to be asked. */
export function quietSessions(
  leases: readonly SessionLease[],
  sightings: Sightings,
  now: number,
): readonly SessionLease[] {
  return leases.filter(({ uid }) => now - (sightings.get(uid)?.since ?? now) >= SESSION_STALE_MS);
}

/** First page, of one, of the session's pods. */
export function sessionPodsPath({ space, id }: Session): string {
  const query = new URLSearchParams({ labelSelector: `${SESSION_LABEL}=${id}`, limit: "1" });
  return `/api/v1/namespaces/${space}/pods?${query.toString()}`;
}

/** Nothing for a Lease that is not a session's. */
export function parseLease(object: unknown): readonly SessionLease[] {
  const session = sessionOfLease(object);
  const uid = asString(at(object, "metadata", "uid"));
  const version = asString(at(object, "metadata", "resourceVersion"));
  return session === undefined || uid === undefined || version === undefined ? [] : [{ session, uid, version }];
}
