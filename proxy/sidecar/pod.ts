/** What every part of one sidecar shares. */
import { baggageMember, spaceInBaggage } from "../../core/baggage.ts";
import { type NamedSpace, requestSpace } from "../../core/request-space.ts";
import type { SidecarConfig } from "../../core/sidecar-config.ts";
import { authorityOf, type RequestHead } from "../http/request-head.ts";
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
export interface RequestSpace extends NamedSpace {
  /** Member to add to the request's baggage: the application may hand that on and not the header. */
  readonly baggage?: string | undefined;
}

export function spaceOf(pod: Pod, head: RequestHead): RequestSpace {
  const named = requestSpace(pod, authorityOf(head), head.fields);
  const baggage = memberFor(pod, head, named.source === "header" ? named.routeAs : named.added);
  return baggage === undefined ? named : { ...named, baggage };
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
