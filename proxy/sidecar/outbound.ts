/** Connections that the application opens: HTTP goes where the route table says, everything else where it was meant to. */
import { PORT } from "../../core/contract.ts";
import { serviceKey } from "../../core/route-table.ts";
import { lookup, outboundCandidates, type Candidate, type RouteReason } from "../../core/routing.ts";
import type { Direction } from "../../core/trace.ts";
import type { Endpoint } from "../http/dial.ts";
import type { Forward } from "../http/exchange.ts";
import type { Target } from "../http/upstreams.ts";
import type { Wire } from "../http/wire.ts";
import { anyOf } from "../routing/from-outside.ts";
import { isSidecarPort } from "./own-ports.ts";
import type { ExchangeRecord } from "../trace/exchange-record.ts";
import { type Asking, beginTrace } from "./begin-trace.ts";
import { type Pod, spaceOf } from "./pod.ts";
import { type Decide, serveDestination } from "./serve-destination.ts";

export function acceptOutbound(pod: Pod, client: Wire, fd: number): void {
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
  const decide: Decide = (head, queueMs) => decideOutbound(pod, original, { head, queueMs, direction: "out" });
  serveDestination(pod, { client, original, decide });
}

/** As of a request of the pod's application that dialled `original`. */
export function decideOutbound(
  pod: Pod,
  original: Endpoint,
  { head, queueMs, direction }: Asking & { readonly direction: Direction },
): Forward {
  const space = spaceOf(pod, head);
  const { authority, routeAs, added } = space;
  const begin = (reason: RouteReason, unknownSpace = false): ExchangeRecord =>
    beginTrace(pod, { direction, peer: "", head, queueMs, space, reason, unknownSpace });
  const { table } = pod.routes;
  const destination = lookup(table, { ip: original.address, port: original.port }, authority);
  if (destination === undefined) return { kind: "forward", targets: [original], observer: begin("no-service") };
  const ownSpace = pod.config.space;
  const answer = outboundCandidates(table, { ownSpace, routeAs, destination, original, authority, pick: anyOf });
  if (answer.unknownSpace === true) pod.counters.unknownSpace += 1;
  if (answer.candidates[0]?.service !== serviceKey(destination.service)) pod.counters.routed += 1;
  // The mark saves the target's sidecar from deciding again; without a space there is nothing to decide.
  const decided = routeAs !== undefined && answer.unknownSpace !== true;
  const targets = decided ? answer.candidates.map((candidate) => markedTarget(pod, candidate)) : answer.candidates;
  const observer = begin(answer.reason, answer.unknownSpace);
  return { kind: "forward", targets, routeAs: added, baggage: space.baggage, observer };
}

/** The pod's own address is reached over loopback, where no sidecar would strip the mark: it gets none. */
export function markedTarget(pod: Pod, candidate: Candidate): Target {
  const mark = pod.ips.includes(candidate.address) ? undefined : candidate.service;
  return { address: candidate.address, port: candidate.port, mark, service: candidate.service };
}
