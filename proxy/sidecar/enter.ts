/**
 * The enter port, on loopback: HTTP from outside, through a port-forward, routed by its host like a request of this pod.
 * A host that is a name of the cluster's DNS leads where it leads the pod's own application.
 */
import { spaceInBaggage } from "../../core/baggage.ts";
import { portOf } from "../../core/host-name.ts";
import { parseServiceName, resolveService } from "../../core/service-name.ts";
import { type Asked, knownUrls } from "../../core/from-outside.ts";
import type { Answer } from "../http/answer.ts";
import type { Endpoint } from "../tcp/dial.ts";
import { type Forward, serveHttp } from "../http/exchange.ts";
import { authorityOf, type RequestHead } from "../http/request-head.ts";
import type { Wire } from "../tcp/wire.ts";
import { decideByHost, NOT_READY } from "../routing/from-outside.ts";
import { decideOutbound, markedTarget, type OutboundRoutes, outboundRoutes } from "./outbound.ts";
import { type Asking, memberFor, type Pod, type RequestSpace } from "./pod.ts";

export function acceptEnter(pod: Pod): (client: Wire) => void {
  const routes = outboundRoutes(pod);
  return (client) => serveEnter(pod, routes, client);
}

function serveEnter(pod: Pod, known: OutboundRoutes, client: Wire): void {
  pod.counters.connections += 1;
  serveHttp({
    client,
    policy: {
      decide: (head) => {
        pod.counters.requests += 1;
        return pod.routes.ready ? decideEnter(pod, known, { head, queueMs: 0 }) : decideLater(pod, known, head);
      },
      unreachable: (head) => ({
        kind: "answer",
        status: 502,
        text: `No pod of ${authorityOf(head) ?? "this host"} accepts connections\n`,
      }),
    },
  });
}

async function decideLater(pod: Pod, known: OutboundRoutes, head: RequestHead): Promise<Forward | Answer> {
  const since = performance.now();
  await pod.routes.first();
  return decideEnter(pod, known, { head, queueMs: performance.now() - since });
}

function decideEnter(pod: Pod, known: OutboundRoutes, { head, queueMs }: Asking): Forward | Answer {
  const { table } = pod.routes;
  if (!table.ready) return NOT_READY;
  const { hostSuffix } = pod.config;
  const asked = {
    authority: authorityOf(head) ?? "",
    header: head.fields.routeAs ?? spaceInBaggage(head.fields.baggage ?? ""),
  };
  const targetOf = markedTarget.bind(undefined, pod);
  const named = dialled(pod, asked.authority);
  if (named !== undefined) return decideOutbound(pod, known.of(named), { head, queueMs, direction: "enter" });
  const decision = decideByHost({ table, hostSuffix, targetOf }, asked) ?? unknownHost(pod, asked.authority);
  if (decision.kind === "answer") return decision;
  const space = entered(pod, head, { ...asked, routeAs: decision.routeAs });
  const observer = pod.trace.begin({
    direction: "enter",
    peer: "",
    head,
    queueMs,
    space,
    reason: "host",
    unknownSpace: asked.header !== undefined && !table.hasSpace(asked.header),
  });
  return { ...decision, baggage: space.baggage, observer };
}

/** What the application would dial for a name of a Service. */
function dialled(pod: Pod, authority: string): Endpoint | undefined {
  const { table } = pod.routes;
  const name = parseServiceName(authority);
  const service = name === undefined ? undefined : resolveService(table, pod.config.space, name);
  const address = service?.ips[0] ?? service?.endpoints[0];
  return address === undefined ? undefined : { address, port: portOf(authority) ?? 80 };
}

interface Entered extends Asked {
  /** What the host says. */
  readonly routeAs: string | undefined;
}

function entered(pod: Pod, head: RequestHead, { authority, header, routeAs }: Entered): RequestSpace {
  const baggage = memberFor(pod, head, header ?? routeAs);
  if (header === undefined)
    return { authority, routeAs, source: routeAs === undefined ? undefined : "host", added: routeAs, baggage };
  const source = head.fields.routeAs === undefined ? "baggage" : "header";
  return { authority, routeAs: header, source, added: undefined, baggage };
}

function unknownHost(pod: Pod, authority: string): Answer {
  const known = knownUrls(pod.routes.table, pod.config.hostSuffix).map((url) => `  ${url}\n`);
  const list = known.length === 0 ? "No service of these spaces is known\n" : `Known here:\n${known.join("")}`;
  return { kind: "answer", status: 404, text: `No service answers to the host \`${authority}\`\n${list}` };
}
