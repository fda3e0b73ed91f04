/** The space that a request belongs to, as the sidecars between services read it. Pure. */
import { spaceInBaggage } from "./baggage.ts";
import type { RouteTable } from "./routing.ts";
import { parseHost } from "./space-host.ts";
import type { SpaceSource } from "./trace.ts";

/** The part of a request that says it. */
export interface SaidSpace {
  readonly authority: string | undefined;
  /** Values of the route header and of `baggage`. */
  readonly header: string | undefined;
  readonly baggage: string | undefined;
}

export interface NamedSpace {
  readonly routeAs: string | undefined;
  readonly source: SpaceSource | undefined;
  /** Set where only the host said so: the header to add. Never overwrites one that is there. */
  readonly added: string | undefined;
}

/** @param hostSuffix with its leading dot */
export function requestSpace(
  table: RouteTable,
  hostSuffix: string,
  { authority, header, baggage }: SaidSpace,
): NamedSpace {
  if (header !== undefined && header !== "") return { routeAs: header, source: "header", added: undefined };
  const carried = baggage === undefined ? undefined : spaceInBaggage(baggage);
  if (header === undefined && carried !== undefined) return { routeAs: carried, source: "baggage", added: undefined };
  // Cheaper than reading every host: only the long form names a space.
  const named = authority?.includes(".s.") === true ? parseHost(authority, hostSuffix, table)?.routeAs : undefined;
  if (named === undefined || !table.hasSpace(named)) return { routeAs: undefined, source: undefined, added: undefined };
  // An empty header is there: a second one would contradict it.
  return { routeAs: named, source: "host", added: header === undefined ? named : undefined };
}
