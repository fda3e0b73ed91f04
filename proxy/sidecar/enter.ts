/** The enter port, on loopback: HTTP from outside, through a port-forward, routed by its host like a request of this pod. */
import type { ServicePort, ServiceRecord } from "../../core/route-table.ts";
import { serviceKey } from "../../core/route-table.ts";
import { outboundCandidates, parseHost, type RouteTable, type SpaceHost } from "../../core/routing.ts";
import type { Answer } from "../http/answer.ts";
import { type Forward, serveHttp } from "../http/exchange.ts";
import { authorityOf, type RequestHead } from "../http/request-head.ts";
import type { Wire } from "../http/wire.ts";
import { markedTarget } from "./outbound.ts";
import { anyOf, type Pod } from "./pod.ts";

export function acceptEnter(pod: Pod, client: Wire): void {
  pod.counters.connections += 1;
  serveHttp({
    client,
    policy: {
      decide: (head) => {
        pod.counters.requests += 1;
        return pod.routes.ready ? decideEnter(pod, head) : decideLater(pod, head);
      },
      unreachable: (head) => ({
        kind: "answer",
        status: 502,
        text: `No pod of ${authorityOf(head) ?? "this host"} accepts connections\n`,
      }),
    },
  });
}

async function decideLater(pod: Pod, head: RequestHead): Promise<Forward | Answer> {
  await pod.routes.first();
  return decideEnter(pod, head);
}

function decideEnter(pod: Pod, head: RequestHead): Forward | Answer {
  const { table } = pod.routes;
  if (!table.ready) return { kind: "answer", status: 503, text: "The routes of this space are not known yet\n" };
  const authority = authorityOf(head) ?? "";
  const host = parseHost(authority, pod.config.hostSuffix, table);
  if (host === undefined || !table.hasSpace(host.routeAs ?? host.root)) return unknownHost(pod, authority);
  const header = head.fields.routeAs;
  const space = header !== undefined && table.hasSpace(header) ? header : (host.routeAs ?? host.root);
  const service = nearest(table, space, host.service) ?? nearest(table, host.root, host.service);
  if (service === undefined) return unknownHost(pod, authority);
  const port = httpPort(service);
  const address = service.ips[0] ?? service.endpoints[0];
  if (port === undefined || address === undefined || service.endpoints.length === 0) {
    return { kind: "answer", status: 503, text: `Service \`${serviceKey(service)}\` has no ready pod\n` };
  }
  const original = { address, port: service.ips.length === 0 ? (port.target ?? port.port) : port.port };
  const { candidates } = outboundCandidates(table, {
    ownSpace: space,
    routeAs: space,
    destination: { service, port },
    original,
    pick: anyOf,
  });
  const added = header === undefined ? host.routeAs : undefined;
  return { kind: "forward", targets: candidates.map((candidate) => markedTarget(pod, candidate)), routeAs: added };
}

/** The first of the name with a ready endpoint; else the first of the name, so that the answer can say why not. */
function nearest(table: RouteTable, space: string, name: string): ServiceRecord | undefined {
  const found = table.ancestry(space).flatMap((ancestor) => table.find(ancestor, name) ?? []);
  return found.find((service) => service.endpoints.length > 0) ?? found[0];
}

/** Declared HTTP, then the customary name and number, then the first. */
function httpPort(service: ServiceRecord): ServicePort | undefined {
  const { ports } = service;
  return (
    ports.find((port) => port.hint === "http") ??
    ports.find((port) => port.name === "http") ??
    ports.find((port) => port.port === 80) ??
    ports[0]
  );
}

function unknownHost(pod: Pod, authority: string): Answer {
  const known = [...urls(pod)].toSorted().map((url) => `  ${url}\n`);
  const list = known.length === 0 ? "No service of these spaces is known\n" : `Known here:\n${known.join("")}`;
  return { kind: "answer", status: 404, text: `No service answers to the host \`${authority}\`\n${list}` };
}

/** URLs of every service as its own space reaches it. */
function urls(pod: Pod): ReadonlySet<string> {
  const { table } = pod.routes;
  const found = new Set<string>();
  for (const service of table.services) {
    if (httpPort(service)?.hint !== "opaque") found.add(urlOf(hostOf(table, service), pod.config.hostSuffix));
  }
  return found;
}

function hostOf(table: RouteTable, service: ServiceRecord): SpaceHost {
  const root = table.ancestry(service.namespace).at(-1) ?? service.namespace;
  return { root, service: service.name, ...(root === service.namespace ? {} : { routeAs: service.namespace }) };
}

function urlOf(host: SpaceHost, suffix: string): string {
  const child = host.routeAs === undefined ? "" : `${host.routeAs}.s.`;
  return `http://${child}${host.root}.${host.service}${suffix}/`;
}
