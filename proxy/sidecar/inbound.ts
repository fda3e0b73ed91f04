/** Connections that come to the pod: to the application, or on to a nearer instance of the same service. */
import { RESTART_MS_MAX } from "../../core/limits.ts";
import { serviceKey } from "../../core/route-table.ts";
import { dialsOf, inboundTarget, type RouteReason } from "../../core/routing.ts";
import type { Endpoint } from "../tcp/dial.ts";
import type { Forward } from "../http/exchange.ts";
import type { Target } from "../http/upstreams.ts";
import type { Wire } from "../tcp/wire.ts";
import { markedTarget } from "./outbound.ts";
import { isSidecarPort } from "./own-ports.ts";
import { DestinationRoutes } from "./destination-routes.ts";
import type { LatestRoute, RouteSearch } from "./latest-route.ts";
import { type Asking, type Pod, spaceOf } from "./pod.ts";
import { type Decide, serveDestination } from "./serve-destination.ts";

export interface InboundConnection {
  readonly client: Wire;
  readonly fd: number;
  /** Gives the client's address. */
  readonly peer: () => string;
}

export function acceptInbound(pod: Pod): (connection: InboundConnection) => void {
  const routes = new DestinationRoutes(pod.routes.table, (original, question) => routeOf(pod, original, question));
  return (connection) => serveInbound(pod, routes, connection);
}

function serveInbound(pod: Pod, known: DestinationRoutes<InboundRoute>, { client, fd, peer }: InboundConnection): void {
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
  const routes = known.of(original);
  let from: string | undefined;
  const decide: Decide = (head, queueMs) => {
    from ??= peer();
    return decideInbound(pod, routes, { head, queueMs, peer: from });
  };
  serveDestination(pod, { client, original, decide });
}

interface InboundRoute {
  readonly targets: readonly Target[];
  readonly reason: RouteReason;
  readonly unknownSpace: boolean;
}

function decideInbound(
  pod: Pod,
  routes: LatestRoute<InboundRoute>,
  { head, queueMs, peer }: Asking & { readonly peer: string },
): Forward {
  const space = spaceOf(pod, head);
  const { targets, reason, unknownSpace } = routes.of(space, head.fields.routedTo);
  if (reason === "nearer") pod.counters.forwarded += 1;
  const observer = pod.trace.begin({ direction: "in", peer, head, queueMs, space, reason, unknownSpace });
  return { kind: "forward", targets, routeAs: space.added, baggage: space.baggage, observer };
}

function routeOf(pod: Pod, original: Endpoint, { authority, routeAs, mark, pick }: RouteSearch): InboundRoute {
  const { table, ready } = pod.routes;
  const unknownSpace = routeAs !== undefined && ready && !table.hasSpace(routeAs);
  if (isForThisPod(pod, original, mark)) return { targets: [original], reason: "marked", unknownSpace };
  const nearer = inboundTarget(table, { ownSpace: pod.config.space, routeAs, authority, original, pick });
  return nearer === undefined
    ? { targets: [original], reason: "here", unknownSpace }
    : {
        targets: [...dialsOf(nearer).map((candidate) => markedTarget(pod, candidate)), original],
        reason: "nearer",
        unknownSpace,
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
