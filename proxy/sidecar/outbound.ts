/** Connections that the application opens: HTTP goes where the route table says, everything else where it was meant to. */
import { PORT } from "../../core/contract.ts";
import { serviceKey } from "../../core/route-table.ts";
import { type Candidate, dialsOf, lookup, outboundCandidates, type RouteReason } from "../../core/routing.ts";
import type { Direction } from "../../core/trace.ts";
import type { Endpoint } from "../tcp/dial.ts";
import type { Forward } from "../http/exchange.ts";
import type { Target } from "../http/upstreams.ts";
import type { Wire } from "../tcp/wire.ts";
import { isSidecarPort } from "./own-ports.ts";
import { DestinationRoutes } from "./destination-routes.ts";
import type { LatestRoute, RouteSearch } from "./latest-route.ts";
import { type Asking, type Pod, spaceOf } from "./pod.ts";
import { type Decide, serveDestination } from "./serve-destination.ts";

export interface OutboundConnection {
  readonly client: Wire;
  readonly fd: number;
}

export type OutboundRoutes = DestinationRoutes<OutboundRoute>;

export function acceptOutbound(pod: Pod): (connection: OutboundConnection) => void {
  const routes = outboundRoutes(pod);
  return (connection) => serveOutbound(pod, routes, connection);
}

function serveOutbound(pod: Pod, known: OutboundRoutes, { client, fd }: OutboundConnection): void {
  pod.counters.connections += 1;
  const original = pod.originalDestination(fd);
  if (
    original === undefined ||
    original.port === PORT.outbound ||
    (isSidecarPort(original.port) && pod.ips.includes(original.address))
  ) {
    pod.counters.refused += 1;
    client.reset();
    return;
  }
  const routes = known.of(original);
  const decide: Decide = (head, queueMs) => decideOutbound(pod, routes, { head, queueMs, direction: "out" });
  serveDestination(pod, { client, original, decide });
}

interface OutboundRoute {
  readonly targets: readonly Target[];
  readonly reason: RouteReason;
  readonly unknownSpace: boolean;
  /** To another Service than the application asked for. */
  readonly rerouted: boolean;
}

/** For requests of the pod's application, by where it dialled. */
export function outboundRoutes(pod: Pod): OutboundRoutes {
  return new DestinationRoutes(pod.routes.table, (original, question) => routeOf(pod, original, question));
}

export function decideOutbound(
  pod: Pod,
  routes: LatestRoute<OutboundRoute>,
  { head, queueMs, direction }: Asking & { readonly direction: Direction },
): Forward {
  const space = spaceOf(pod, head);
  const { targets, reason, unknownSpace, rerouted } = routes.of(space, undefined);
  if (unknownSpace) pod.counters.unknownSpace += 1;
  if (rerouted) pod.counters.routed += 1;
  const observer = pod.trace.begin({ direction, peer: "", head, queueMs, space, reason, unknownSpace });
  return { kind: "forward", targets, routeAs: space.added, baggage: space.baggage, observer };
}

function routeOf(pod: Pod, original: Endpoint, { authority, routeAs, pick }: RouteSearch): OutboundRoute {
  const { table } = pod.routes;
  const destination = lookup(table, { ip: original.address, port: original.port }, authority);
  if (destination === undefined)
    return { targets: [original], reason: "no-service", unknownSpace: false, rerouted: false };
  const ownSpace = pod.config.space;
  const answer = outboundCandidates(table, { ownSpace, routeAs, destination, original, authority, pick });
  const unknownSpace = answer.unknownSpace === true;
  // The mark saves the target's sidecar from deciding again; without a space there is nothing to decide.
  const decided = routeAs !== undefined && !unknownSpace;
  const dials = answer.candidates.flatMap(dialsOf);
  return {
    targets: decided ? dials.map((candidate) => markedTarget(pod, candidate)) : dials,
    reason: answer.reason,
    unknownSpace,
    rerouted: answer.candidates[0]?.service !== serviceKey(destination.service),
  };
}

/** The pod's own address is reached over loopback, where no sidecar would strip the mark: it gets none. */
export function markedTarget(pod: Pod, { address, port, service, dialMs }: Candidate): Target {
  return { address, port, mark: pod.ips.includes(address) ? undefined : service, service, dialMs };
}
