/** Where a request from outside goes: the host, or an Ingress for it, names space and service. Pure. */
import { type IngressMatch, matchIngress } from "./ingress-match.ts";
import { backendPort } from "./ingress.ts";
import type { ServicePort, ServiceRecord } from "./route-table.ts";
import { type OutboundAnswer, outboundCandidates, type OutboundQuestion, type RouteTable } from "./routing.ts";
import { parseHost } from "./space-host.ts";

/** The part of a request that decides. */
export interface Asked {
  readonly authority: string;
  /** The route header, where it counts. */
  readonly header: string | undefined;
}

export interface Destined {
  readonly service: ServiceRecord;
  /** `undefined`: the Service has no such port. */
  readonly port: ServicePort | undefined;
  /** The space that the request belongs to. */
  readonly space: string;
  /** The header to set. */
  readonly routeAs: string | undefined;
}

/**
 * @param hostSuffix with its leading dot
 * @returns `undefined`: the host names no space or no service of the table
 */
export function destinedByHost(table: RouteTable, hostSuffix: string, asked: Asked): Destined | undefined {
  const host = parseHost(asked.authority, hostSuffix, table);
  if (host === undefined || !sameTree(table, host.routeAs ?? host.root, host.root)) return undefined;
  const space = spaceFor(table, asked.header, host.routeAs ?? host.root);
  const service = nearest(table, space, host.service) ?? nearest(table, host.root, host.service);
  if (service === undefined) return undefined;
  const routeAs = asked.header === undefined ? host.routeAs : undefined;
  return { service, port: httpPort(service), space, routeAs };
}

export interface IngressDestined {
  readonly match: IngressMatch;
  /** `undefined`: the Ingress names a Service that does not exist. */
  readonly destined: Destined | undefined;
}

/** @returns `undefined`: no Ingress of the table takes that host and path */
export function destinedByIngress(
  table: RouteTable,
  hostSuffix: string,
  asked: Asked & { readonly path: string },
): IngressDestined | undefined {
  if (table.ingresses.length === 0) return undefined;
  const host = asked.authority.toLowerCase().replace(/:\d*$/, "");
  const match = matchIngress(table, { host, path: asked.path, hostSuffix });
  if (match === undefined) return undefined;
  const { namespace, backend, child } = match;
  const space = spaceFor(table, asked.header, child ?? namespace);
  const service = nearest(table, space, backend.service) ?? table.find(namespace, backend.service);
  if (service === undefined) return { match, destined: undefined };
  const port = backendPort(service, backend);
  const isRoot = table.ancestry(space).length <= 1;
  const routeAs = asked.header === undefined && !isRoot ? space : undefined;
  return { match, destined: { service, port, space, routeAs } };
}

/** @returns `undefined`: the Service has no ready pod, or no such port */
export function routeFromOutside(
  table: RouteTable,
  { service, port, space }: Destined,
  options: Pick<OutboundQuestion, "pick" | "passed">,
): OutboundAnswer | undefined {
  const address = service.ips[0] ?? service.endpoints[0];
  if (port === undefined || address === undefined || service.endpoints.length === 0) return undefined;
  const original = { address, port: service.ips.length === 0 ? (port.target ?? port.port) : port.port };
  return outboundCandidates(table, {
    ...options,
    ownSpace: space,
    routeAs: space,
    destination: { service, port },
    original,
  });
}

/** URLs of every service as its own space reaches it, sorted. */
export function knownUrls(table: RouteTable, hostSuffix: string, scheme = "http"): readonly string[] {
  const found = new Set<string>();
  for (const service of table.services) {
    if (httpPort(service)?.hint !== "opaque") found.add(`${scheme}://${hostOf(table, service)}${hostSuffix}/`);
  }
  return [...found].toSorted();
}

/** The header's space where the tree has one of that name, else the host's. */
function spaceFor(table: RouteTable, header: string | undefined, space: string): string {
  return header !== undefined && sameTree(table, header, space) ? header : space;
}

/** The gateway knows several trees; no request crosses from one to another. */
function sameTree(table: RouteTable, a: string, b: string): boolean {
  const root = table.ancestry(a).at(-1);
  return root !== undefined && root === table.ancestry(b).at(-1);
}

/** The first of the name with a ready endpoint; else the first of the name, so that the answer can say why not. */
function nearest(table: RouteTable, space: string, name: string): ServiceRecord | undefined {
  const found = table.ancestry(space).flatMap((ancestor) => table.find(ancestor, name) ?? []);
  return found.find((service) => service.endpoints.length > 0) ?? found[0];
}

/** Declared HTTP, then the customary name and number, then the first. */
function httpPort({ ports }: ServiceRecord): ServicePort | undefined {
  return (
    ports.find((port) => port.hint === "http") ??
    ports.find((port) => port.name === "http") ??
    ports.find((port) => port.port === 80) ??
    ports[0]
  );
}

function hostOf(table: RouteTable, service: ServiceRecord): string {
  const root = table.ancestry(service.namespace).at(-1) ?? service.namespace;
  const child = root === service.namespace ? "" : `${service.namespace}.s.`;
  return `${child}${root}.${service.name}`;
}
