/** What every part of one sidecar shares. */
import { baggageMember, spaceInBaggage } from "../../core/baggage.ts";
import { parseHost } from "../../core/routing.ts";
import type { SidecarConfig } from "../../core/sidecar-config.ts";
import { authorityOf, type RequestHead } from "../http/request-head.ts";
import type { SpaceSource } from "../../core/trace.ts";
import type { Trace } from "../trace/trace.ts";
import type { Counters } from "./metrics.ts";
import type { OriginalDestination } from "./original-destination.ts";
import type { Routes } from "../routing/routes.ts";

export interface Pod {
  readonly config: SidecarConfig;
  /** The pod's addresses, IPv4 and IPv6. */
  readonly ips: readonly string[];
  readonly routes: Routes;
  readonly counters: Counters;
  readonly originalDestination: OriginalDestination;
  readonly trace: Trace;
}

/** A request that waits for its decision. */
export interface Asking {
  readonly head: RequestHead;
  /** Milliseconds that it has waited. */
  readonly queueMs: number;
}

/** The space a request belongs to. */
export interface RequestSpace {
  readonly authority: string | undefined;
  readonly routeAs: string | undefined;
  readonly source: SpaceSource | undefined;
  /** Set where only the host said so: the header to add. Never overwrites one that is there. */
  readonly added: string | undefined;
  /** Member to add to the request's baggage: the application may hand that on and not the header. */
  readonly baggage: string | undefined;
}

export function spaceOf(pod: Pod, head: RequestHead): RequestSpace {
  const authority = authorityOf(head);
  const header = head.fields.routeAs;
  const carried = head.fields.baggage === undefined ? undefined : spaceInBaggage(head.fields.baggage);
  if (header !== undefined && header !== "")
    return { authority, routeAs: header, source: "header", added: undefined, baggage: memberFor(pod, head, header) };
  if (header === undefined && carried !== undefined)
    return { authority, routeAs: carried, source: "baggage", added: undefined, baggage: undefined };
  // Cheaper than reading every host: only the long form names a space.
  const named =
    authority?.includes(".s.") === true
      ? parseHost(authority, pod.config.hostSuffix, pod.routes.table)?.routeAs
      : undefined;
  const known = named !== undefined && pod.routes.table.hasSpace(named) ? named : undefined;
  // An empty header is there: a second one would contradict it.
  const source = known === undefined ? undefined : "host";
  const added = header === undefined ? known : undefined;
  return { authority, routeAs: known, source, added, baggage: memberFor(pod, head, added) };
}

/** Only for requests that carry baggage, and none that names a space. */
export function memberFor(pod: Pod, head: RequestHead, space: string | undefined): string | undefined {
  const { baggage } = head.fields;
  if (space === undefined || baggage === undefined || !pod.routes.table.hasSpace(space)) return undefined;
  return spaceInBaggage(baggage) === undefined ? baggageMember(space) : undefined;
}

/** Whether a request must wait for the first table: it asks for a space and none is known yet. */
export function mustWait(pod: Pod, head: RequestHead): boolean {
  if (pod.routes.ready) return false;
  const { routeAs, baggage, host } = head.fields;
  return (
    routeAs !== undefined ||
    host?.includes(".s.") === true ||
    (baggage !== undefined && spaceInBaggage(baggage) !== undefined)
  );
}
