/** Connections that come to the pod: to the application, or on to a nearer instance of the same service. */
import { RESTART_MS_MAX } from "../../core/limits.ts";
import { serviceKey } from "../../core/route-table.ts";
import { inboundTarget } from "../../core/routing.ts";
import type { Endpoint } from "../http/dial.ts";
import type { Forward } from "../http/exchange.ts";
import type { Wire } from "../http/wire.ts";
import { markedTarget } from "./outbound.ts";
import { anyOf } from "../routing/from-outside.ts";
import { isSidecarPort } from "./own-ports.ts";
import { type Asking, beginTrace } from "./begin-trace.ts";
import { type Pod, spaceOf } from "./pod.ts";
import { type Decide, serveDestination } from "./serve-destination.ts";

export interface InboundConnection {
  readonly fd: number;
  /** Gives the client's address. */
  readonly peer: () => string;
}

export function acceptInbound(pod: Pod, client: Wire, { fd, peer }: InboundConnection): void {
  pod.counters.connections += 1;
  const destination = pod.originalDestination(fd);
  if (destination === undefined || isSidecarPort(destination.port)) {
    pod.counters.refused += 1;
    client.reset();
    return;
  }
  // A save may be restarting a session's application this very moment.
  const original = pod.config.session === undefined ? destination : { ...destination, patienceMs: RESTART_MS_MAX };
  // The application is dialled at the address it was asked for: it may listen there and not on loopback.
  const decide: Decide = (head, queueMs) => decideInbound(pod, original, { head, queueMs, peer: peer() });
  serveDestination(pod, { client, original, opaquePorts: pod.config.opaquePorts, decide });
}

function decideInbound(
  pod: Pod,
  original: Endpoint,
  { head, queueMs, peer }: Asking & { readonly peer: string },
): Forward {
  const space = spaceOf(pod, head);
  const { authority, routeAs, added } = space;
  const marked = isForThisPod(pod, original, head.fields.routedTo);
  const nearer = marked
    ? undefined
    : inboundTarget(pod.routes.table, { ownSpace: pod.config.space, routeAs, authority, original, pick: anyOf });
  if (nearer !== undefined) pod.counters.forwarded += 1;
  const reason = marked ? "marked" : nearer === undefined ? "here" : "nearer";
  const unknownSpace = routeAs !== undefined && pod.routes.ready && !pod.routes.table.hasSpace(routeAs);
  return {
    kind: "forward",
    targets: nearer === undefined ? [original] : [markedTarget(pod, nearer), original],
    routeAs: added,
    baggage: space.baggage,
    observer: beginTrace(pod, { direction: "in", peer, head, queueMs, space, reason, unknownSpace }),
  };
}

/**
 * The hop mark names the service it was meant for. One that names another was copied on by an application without a
 * sidecar, and says nothing.
 */
function isForThisPod(pod: Pod, original: Endpoint, mark: string | undefined): boolean {
  if (mark === undefined) return false;
  const meanings = pod.routes.table.at(original.address, original.port);
  if (meanings.length === 0) return mark.startsWith(`${pod.config.space}/`);
  return meanings.some((meaning) => serviceKey(meaning.service) === mark);
}
