/**
 * Sessions that nobody holds any more: the first `up` died before it made a release. A session with a release stays,
 * however old: its service runs.
 */
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

/** Those without a sign of life for SESSION_STALE_MS; whether each has a release is still to be asked. */
export function quietSessions(
  leases: readonly SessionLease[],
  sightings: Sightings,
  now: number,
): readonly SessionLease[] {
  return leases.filter(({ uid }) => now - (sightings.get(uid)?.since ?? now) >= SESSION_STALE_MS);
}

/** First page, of one, of the Secrets in which Helm 3 keeps the session's release. */
export function releasePath(session: Session): string {
  const query = new URLSearchParams({
    fieldSelector: "type=helm.sh/release.v1",
    labelSelector: `owner=helm,name=${session.release}`,
    limit: "1",
  });
  return `/api/v1/namespaces/${session.space}/secrets?${query.toString()}`;
}

/** Nothing for a Lease that is not a session's. */
export function parseLease(object: unknown): readonly SessionLease[] {
  const session = sessionOfLease(object);
  const uid = asString(at(object, "metadata", "uid"));
  const version = asString(at(object, "metadata", "resourceVersion"));
  return session === undefined || uid === undefined || version === undefined ? [] : [{ session, uid, version }];
}
