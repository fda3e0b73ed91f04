/** The space that a request belongs to, as the sidecars between services read it. Pure. */
import { spaceInBaggage } from "./baggage.ts";
import type { RouteTable } from "./routing.ts";
import { parseHost } from "./space-host.ts";
import type { SpaceSource } from "./trace.ts";

/** Whose sidecar reads it. */
export interface SpaceReader {
  readonly routes: { readonly table: RouteTable };
  /** With its leading dot. */
  readonly config: { readonly hostSuffix: string };
}

/** Values of the route header and of `baggage`. */
export interface SpaceFields {
  readonly routeAs: string | undefined;
  readonly baggage: string | undefined;
}

export interface NamedSpace {
  readonly authority: string | undefined;
  readonly routeAs: string | undefined;
  readonly source: SpaceSource | undefined;
  /** Set where only the host said so: the header to add. Never overwrites one that is there. */
  readonly added: string | undefined;
}

export function requestSpace(reader: SpaceReader, authority: string | undefined, fields: SpaceFields): NamedSpace {
  const { routeAs: header, baggage } = fields;
  if (header !== undefined && header !== "") return { authority, routeAs: header, source: "header", added: undefined };
  const carried = baggage === undefined ? undefined : spaceInBaggage(baggage);
  if (header === undefined && carried !== undefined)
    return { authority, routeAs: carried, source: "baggage", added: undefined };
  const named = spaceInHost(reader, authority);
  if (named === undefined) return { authority, routeAs: undefined, source: undefined, added: undefined };
  // An empty header is there: a second one would contradict it.
  return { authority, routeAs: named, source: "host", added: header === undefined ? named : undefined };
}

/** Cheaper than reading every host: only the long form names a space. */
function spaceInHost({ routes: { table }, config }: SpaceReader, authority: string | undefined): string | undefined {
  if (authority?.includes(".s.") !== true) return undefined;
  const named = parseHost(authority, config.hostSuffix, table)?.routeAs;
  return named !== undefined && table.hasSpace(named) ? named : undefined;
}
