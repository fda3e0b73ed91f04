/** Where a request from outside goes: the host names space and service. The same at the enter port and at the gateway. */
import type { ServicePort, ServiceRecord } from "../../core/route-table.ts";
import { serviceKey } from "../../core/route-table.ts";
import { outboundCandidates, parseHost, type Candidate, type RouteTable } from "../../core/routing.ts";
import type { Answer } from "../http/answer.ts";
import type { Forward } from "../http/exchange.ts";
import type { Target } from "../http/upstreams.ts";

export interface Entry {
  readonly table: RouteTable;
  /** With its leading dot. */
  readonly hostSuffix: string;
  readonly targetOf: (candidate: Candidate) => Target;
}

/** The part of a request that decides. */
export interface Asked {
  readonly authority: string;
  /** The route header, where it counts. */
  readonly header: string | undefined;
}

export const NOT_READY: Answer = { kind: "answer", status: 503, text: "The routes of this space are not known yet\n" };

/** `undefined`: the host names no space or no service of the table. */
export function decideByHost(entry: Entry, asked: Asked): Forward | Answer | undefined {
  const { table } = entry;
  const host = parseHost(asked.authority, entry.hostSuffix, table);
  if (host === undefined || !sameTree(table, host.routeAs ?? host.root, host.root)) return undefined;
  const space = spaceFor(table, asked.header, host.routeAs ?? host.root);
  const service = nearest(table, space, host.service) ?? nearest(table, host.root, host.service);
  if (service === undefined) return undefined;
  const routeAs = asked.header === undefined ? host.routeAs : undefined;
  return forwardTo(entry, { service, port: httpPort(service), space, routeAs });
}

/** The header's space where the tree has one of that name, else the host's. */
export function spaceFor(table: RouteTable, header: string | undefined, space: string): string {
  return header !== undefined && sameTree(table, header, space) ? header : space;
}

/** The gateway knows several trees; no request crosses from one to another. */
function sameTree(table: RouteTable, a: string, b: string): boolean {
  const root = table.ancestry(a).at(-1);
  return root !== undefined && root === table.ancestry(b).at(-1);
}

export interface Destined {
  readonly service: ServiceRecord;
  readonly port: ServicePort | undefined;
  /** The space that the request belongs to. */
  readonly space: string;
  /** The header to set. */
  readonly routeAs: string | undefined;
}

export function forwardTo({ table, targetOf }: Entry, destined: Destined): Forward | Answer {
  const { service, port, space, routeAs } = destined;
  const address = service.ips[0] ?? service.endpoints[0];
  if (port === undefined || address === undefined || service.endpoints.length === 0) {
    return { kind: "answer", status: 503, text: `Service \`${serviceKey(service)}\` has no ready pod\n` };
  }
  const original = { address, port: service.ips.length === 0 ? (port.target ?? port.port) : port.port };
  const destination = { service, port };
  const { candidates } = outboundCandidates(table, {
    ownSpace: space,
    routeAs: space,
    destination,
    original,
    pick: anyOf,
  });
  return { kind: "forward", targets: candidates.map(targetOf), routeAs };
}

/** The first of the name with a ready endpoint; else the first of the name, so that the answer can say why not. */
export function nearest(table: RouteTable, space: string, name: string): ServiceRecord | undefined {
  const found = table.ancestry(space).flatMap((ancestor) => table.find(ancestor, name) ?? []);
  return found.find((service) => service.endpoints.length > 0) ?? found[0];
}

/** URLs of every service as its own space reaches it, sorted. */
export function knownUrls(table: RouteTable, hostSuffix: string, scheme = "http"): readonly string[] {
  const found = new Set<string>();
  for (const service of table.services) {
    if (httpPort(service)?.hint !== "opaque") found.add(`${scheme}://${hostOf(table, service)}${hostSuffix}/`);
  }
  return [...found].toSorted();
}

/** Any of the `count` endpoints of a headless Service. */
export function anyOf(count: number): number {
  return Math.floor(Math.random() * count);
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
