/** What every part of one sidecar shares. */
import { parseHost } from "../../core/routing.ts";
import type { SidecarConfig } from "../../core/sidecar-config.ts";
import { authorityOf, type RequestHead } from "../http/request-head.ts";
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
}

/** The space a request belongs to. */
export interface RequestSpace {
  readonly authority: string | undefined;
  readonly routeAs: string | undefined;
  /** Set where only the host said so: the header to add. Never overwrites one that is there. */
  readonly added: string | undefined;
}

export function spaceOf(pod: Pod, head: RequestHead): RequestSpace {
  const authority = authorityOf(head);
  const header = head.fields.routeAs;
  if (header !== undefined && header !== "") return { authority, routeAs: header, added: undefined };
  // Cheaper than reading every host: only the long form names a space.
  const named =
    authority?.includes(".s.") === true
      ? parseHost(authority, pod.config.hostSuffix, pod.routes.table)?.routeAs
      : undefined;
  const known = named !== undefined && pod.routes.table.hasSpace(named) ? named : undefined;
  // An empty header is there: a second one would contradict it.
  return { authority, routeAs: known, added: header === undefined ? known : undefined };
}

/** Whether a request must wait for the first table: it asks for a space and none is known yet. */
export function mustWait(pod: Pod, head: RequestHead): boolean {
  return !pod.routes.ready && (head.fields.routeAs !== undefined || head.fields.host?.includes(".s.") === true);
}
