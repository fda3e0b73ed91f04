/**
 * Which Service answers a request: the table of one tree of spaces, and the questions sidecar and gateway ask it.
 * No I/O and no time: everything here is a function of the table and the request.
 */
import { CLUSTER_IP_DIAL_MS_MAX } from "./limits.ts";
import { hostLabels } from "./host-name.ts";
import type {
  FeedMessage,
  FeedVersion,
  IngressRecord,
  ServiceKey,
  ServicePort,
  ServiceRecord,
  SpaceRecord,
} from "./route-table.ts";
import { serviceKey } from "./route-table.ts";
import { spaceLabels } from "./space-host.ts";

/** One port of one Service. */
export interface Destination {
  readonly service: ServiceRecord;
  readonly port: ServicePort;
}

/** An address to dial, and the Service it belongs to where the table knows one. */
export interface Candidate {
  readonly address: string;
  readonly port: number;
  /** The space (namespace) of `service`. */
  readonly space?: string;
  readonly service?: ServiceKey;
  /** A ready pod of the Service, where `address` is a cluster IP. */
  readonly pod?: { readonly address: string; readonly port: number };
  /** The dial is given up after so long; default: DIAL_MS_MAX. */
  readonly dialMs?: number;
}

/**
 * What to dial for it, in this order. Nodes learn of a new Service later than we do: until then its cluster IP refuses a
 * dial, or swallows it.
 */
export function dialsOf(candidate: Candidate): readonly Candidate[] {
  const { pod, ...itself } = candidate;
  return pod === undefined
    ? [itself]
    : [
        { ...itself, dialMs: CLUSTER_IP_DIAL_MS_MAX },
        { ...itself, ...pod },
      ];
}

/** The spaces and Services of one tree, indexed by address. Changed only by `apply`. */
export class RouteTable {
  #version: FeedVersion | undefined;
  #ingresses: readonly IngressRecord[] = [];
  readonly #parents = new Map<string, string | undefined>();
  /** By space, as they are asked for; good until a parent changes. */
  readonly #ancestries = new Map<string, readonly string[]>();
  #revision = 0;
  readonly #services = new Map<ServiceKey, ServiceRecord>();
  /** Cluster IP → its Service. Kubernetes gives an address to one Service at a time, so the latest claim holds. */
  readonly #clusterIps = new Map<string, ServiceRecord>();
  readonly #endpoints = new Map<string, Set<ServiceKey>>();

  /** Whether a first snapshot has been applied. */
  get ready(): boolean {
    return this.#version !== undefined;
  }

  /** What it holds of spaces and Services, as a first message; `undefined` before there is anything. */
  get snapshot(): FeedMessage | undefined {
    if (this.#version === undefined) return undefined;
    const spaces = [...this.#parents].map(([name, parent]) => (parent === undefined ? { name } : { name, parent }));
    return { type: "snapshot", version: this.#version, spaces, services: [...this.#services.values()] };
  }

  /** Another number whenever another answer may be right: what was found out before need not be asked again. */
  get revision(): number {
    return this.#revision;
  }

  get spaces(): readonly string[] {
    return [...this.#parents.keys()];
  }

  get services(): Iterable<ServiceRecord> {
    return this.#services.values();
  }

  /** Known to the gateway alone. The same list until one of them changes. */
  get ingresses(): readonly IngressRecord[] {
    return this.#ingresses;
  }

  /** False when the message does not continue what the table holds: the feed must start again with a snapshot. */
  apply(message: FeedMessage): boolean {
    if (message.type === "ping") return true;
    this.#revision += 1;
    if (message.type === "snapshot") {
      this.#replace(message.spaces, message.services);
      this.#ingresses = message.ingresses ?? [];
      this.#version = message.version;
      return true;
    }
    if (this.#version === undefined || message.version.replica !== this.#version.replica) return false;
    // Older changes are already part of the snapshot; those of one moment share its counter.
    if (message.version.counter < this.#version.counter) return true;
    switch (message.type) {
      case "spaces":
        this.#setSpaces(message.spaces);
        break;
      case "service":
        this.#remove(serviceKey(message.service));
        this.#add(message.service);
        break;
      case "removed":
        this.#remove(message.key);
        break;
      case "ingresses":
        this.#ingresses = message.ingresses;
        break;
    }
    this.#version = message.version;
    return true;
  }

  hasSpace(name: string): boolean {
    return this.#parents.has(name);
  }

  find(namespace: string, name: string): ServiceRecord | undefined {
    return this.#services.get(serviceKey({ namespace, name }));
  }

  /** The space and its ancestors, nearest first; a cycle ends the list where it would begin again. */
  ancestry(space: string): readonly string[] {
    const known = this.#ancestries.get(space);
    if (known !== undefined) return known;
    const chain: string[] = [];
    let current: string | undefined = space;
    while (current !== undefined && this.#parents.has(current) && !chain.includes(current)) {
      chain.push(current);
      current = this.#parents.get(current);
    }
    // Only names of spaces: what strangers put into a header must not fill the memory.
    if (chain.length > 0) this.#ancestries.set(space, chain);
    return chain;
  }

  /** Every port of a Service that `address:port` may mean: by cluster IP, else by ready endpoint. */
  at(address: string, port: number): readonly Destination[] {
    const byClusterIp = this.#clusterIps.get(address);
    const found: Destination[] = [];
    if (byClusterIp !== undefined) {
      for (const entry of byClusterIp.ports) if (entry.port === port) found.push({ service: byClusterIp, port: entry });
      return found;
    }
    for (const key of this.#endpoints.get(address) ?? []) {
      const service = this.#services.get(key);
      const entry = service?.ports.find((candidate) => (candidate.target ?? candidate.port) === port);
      if (service !== undefined && entry !== undefined) found.push({ service, port: entry });
    }
    return found;
  }

  #replace(spaces: readonly SpaceRecord[], services: readonly ServiceRecord[]): void {
    this.#setSpaces(spaces);
    this.#services.clear();
    this.#clusterIps.clear();
    this.#endpoints.clear();
    for (const service of services) this.#add(service);
  }

  #setSpaces(spaces: readonly SpaceRecord[]): void {
    this.#parents.clear();
    this.#ancestries.clear();
    for (const space of spaces) this.#parents.set(space.name, space.parent);
  }

  #add(service: ServiceRecord): void {
    const key = serviceKey(service);
    this.#services.set(key, service);
    for (const ip of service.ips) this.#clusterIps.set(ip, service);
    for (const ip of service.endpoints) {
      const keys = this.#endpoints.get(ip);
      if (keys === undefined) this.#endpoints.set(ip, new Set([key]));
      else keys.add(key);
    }
  }

  #remove(key: ServiceKey): void {
    const service = this.#services.get(key);
    if (service === undefined) return;
    this.#services.delete(key);
    // The address may already belong to another Service, told apart by its UID.
    for (const ip of service.ips) if (this.#clusterIps.get(ip)?.uid === service.uid) this.#clusterIps.delete(ip);
    for (const ip of service.endpoints) {
      const keys = this.#endpoints.get(ip);
      keys?.delete(key);
      if (keys?.size === 0) this.#endpoints.delete(ip);
    }
  }
}

/**
 * The one Service that `address:port` means. Several Services may stand behind one pod address; then the request's
 * authority must name one of them, as pods write it or as the URL of a space.
 */
export function lookup(
  table: RouteTable,
  address: { readonly ip: string; readonly port: number },
  authority?: string,
): Destination | undefined {
  const found = table.at(address.ip, address.port);
  if (found.length <= 1) return found[0];
  if (authority === undefined) return undefined;
  const labels = hostLabels(authority);
  const [name, namespace] = labels;
  const byName = found.filter(
    ({ service }) => service.name === name && (namespace === undefined || service.namespace === namespace),
  );
  const named = byName.length > 0 ? byName : found.filter(({ service }) => isInUrl(table, service, labels));
  return named.length === 1 ? named[0] : undefined;
}

/** From outside a Service is `[<child>.s.]<root>.<service>…`, under whatever domain. */
function isInUrl(table: RouteTable, service: ServiceRecord, labels: readonly string[]): boolean {
  const host = spaceLabels(labels)?.host;
  return host?.service === service.name && table.ancestry(service.namespace).includes(host.root);
}

/** Why a request goes where it goes. */
export type RouteReason =
  /** Its destination is no Service of this tree. */
  | "no-service"
  /** The Service says `azds.io/no-route`. */
  | "pinned"
  /** The Service declares the port as no HTTP. */
  | "opaque"
  /** The nearest version from the request's space upwards. */
  | "space"
  /** No space was named: the nearest version from the caller's own space upwards. */
  | "own-space"
  /** No version on that way can answer, or the destination lies outside of it. */
  | "as-dialled"
  /** The caller's sidecar has decided already. */
  | "marked"
  /** It came here, and a nearer version of this service exists. */
  | "nearer"
  /** It came here, and none is nearer. */
  | "here"
  /** From outside: its host names space and service. */
  | "host";

/** Why a space on the way up does not answer. */
export type PassedOver = "no-service" | "no-endpoint" | "no-port";

/** Told of each space that is passed over, for who wants to explain a decision. */
export type TellPassed = (space: string, why: PassedOver) => void;

export interface OutboundQuestion {
  /** The caller's space. */
  readonly ownSpace: string;
  /** Value of the route header, or what the host says. */
  readonly routeAs?: string | undefined;
  readonly destination: Destination;
  /** Where the application dialled. */
  readonly original: { readonly address: string; readonly port: number };
  /** The request's authority: `service.namespace` names a namespace explicitly. */
  readonly authority?: string | undefined;
  /** Picks one of `count` endpoints of a headless Service; default: the first. */
  readonly pick?: (count: number) => number;
  readonly passed?: TellPassed;
}

export interface OutboundAnswer {
  /** To dial in this order; never empty. */
  readonly candidates: readonly Candidate[];
  readonly reason: RouteReason;
  /** The header names no space of this tree and was ignored. */
  readonly unknownSpace?: true;
}

/** Where a request of an application goes: the nearest space from `routeAs` upwards that can answer, then its ancestors. */
export function outboundCandidates(table: RouteTable, question: OutboundQuestion): OutboundAnswer {
  const { destination, original, routeAs } = question;
  const known = routeAs !== undefined && table.hasSpace(routeAs);
  const unknown = routeAs !== undefined && !known ? { unknownSpace: true as const } : {};
  const itself: Candidate = {
    ...original,
    space: destination.service.namespace,
    service: serviceKey(destination.service),
  };
  if (staysAsItIs(destination)) {
    const reason = destination.service.pinned === true ? "pinned" : "opaque";
    return { candidates: [itself], reason, ...unknown };
  }
  const candidates: Candidate[] = [];
  for (const space of searchOrder(table, question)) {
    const service = readyService(table, space, question);
    if (service === undefined) continue;
    const candidate = service.uid === destination.service.uid ? itself : reach(service, question);
    if (candidate === undefined) question.passed?.(space, "no-port");
    else candidates.push(candidate);
  }
  if (candidates.length === 0) return { candidates: [itself], reason: "as-dialled", ...unknown };
  return { candidates, reason: known ? "space" : "own-space", ...unknown };
}

/** The destination's Service of that space, with an endpoint to answer. */
function readyService(
  table: RouteTable,
  space: string,
  { destination, passed }: Pick<OutboundQuestion, "destination" | "passed">,
): ServiceRecord | undefined {
  const service = table.find(space, destination.service.name);
  if (service !== undefined && service.endpoints.length > 0) return service;
  passed?.(space, service === undefined ? "no-service" : "no-endpoint");
  return undefined;
}

/** A port that is declared opaque may share its pod's port with one that is not: then its requests are seen. */
function staysAsItIs({ service, port }: Destination): boolean {
  return service.pinned === true || port.hint === "opaque";
}

/**
 * With a header of this tree: that space upwards. Without: the caller's space upwards, but only as a fallback: a
 * destination outside that chain, or named with its namespace, was meant as it is.
 */
function searchOrder(table: RouteTable, question: OutboundQuestion): readonly string[] {
  const { routeAs, ownSpace, destination, authority } = question;
  if (routeAs !== undefined && table.hasSpace(routeAs)) return table.ancestry(routeAs);
  const own = table.ancestry(ownSpace);
  const from = own.indexOf(destination.service.namespace);
  if (from < 0) return [];
  const explicit = authority !== undefined && hostLabels(authority)[1] === destination.service.namespace;
  return explicit ? own.slice(from) : own;
}

/** The address of `service` that stands for the destination's port; `undefined` when it has no such port. */
function reach(
  service: ServiceRecord,
  question: Pick<OutboundQuestion, "destination" | "original" | "pick">,
): Candidate | undefined {
  const port = mapPort(question.destination.port, service);
  if (port === undefined) return undefined;
  const ipv6 = question.original.address.includes(":");
  const sameFamily = (ip: string): boolean => ip.includes(":") === ipv6;
  const found = { space: service.namespace, service: serviceKey(service) };
  const clusterIp = service.ips.find(sameFamily) ?? service.ips[0];
  const fitting = service.endpoints.filter(sameFamily);
  const endpoints = fitting.length === 0 ? service.endpoints : fitting;
  if (clusterIp !== undefined) return { ...found, address: clusterIp, port: port.port, ...podOf(endpoints, port) };
  const address = endpoints[question.pick?.(endpoints.length) ?? 0];
  return address === undefined ? undefined : { ...found, address, port: port.target ?? port.port };
}

/** Pods may differ in the number of a named port. */
function podOf([address]: readonly string[], { target }: ServicePort): Pick<Candidate, "pod"> {
  return address === undefined || target === undefined ? {} : { pod: { address, port: target } };
}

/** Ports correspond by name, then by number. */
function mapPort(port: ServicePort, service: ServiceRecord): ServicePort | undefined {
  const byName = port.name === "" ? undefined : service.ports.find((entry) => entry.name === port.name);
  return byName ?? service.ports.find((entry) => entry.port === port.port);
}

export interface InboundQuestion {
  /** The pod's space. */
  readonly ownSpace: string;
  readonly routeAs?: string | undefined;
  readonly authority?: string | undefined;
  /** The pod's address and port that the request came to. */
  readonly original: { readonly address: string; readonly port: number };
  readonly pick?: (count: number) => number;
  readonly passed?: TellPassed;
}

/** A nearer instance of the service that this pod serves, or `undefined`: the application answers. */
export function inboundTarget(table: RouteTable, question: InboundQuestion): Candidate | undefined {
  const { routeAs, ownSpace, original } = question;
  if (routeAs === undefined || routeAs === ownSpace) return undefined;
  const chain = table.ancestry(routeAs);
  if (chain.length === 0) return undefined;
  const destination = lookup(table, { ip: original.address, port: original.port }, question.authority);
  if (destination === undefined || destination.service.namespace !== ownSpace || staysAsItIs(destination))
    return undefined;
  const own = chain.indexOf(ownSpace);
  const asked = { ...question, destination };
  for (const space of own < 0 ? chain : chain.slice(0, own)) {
    const service = readyService(table, space, asked);
    if (service === undefined) continue;
    const candidate = reach(service, asked);
    if (candidate !== undefined) return candidate;
    question.passed?.(space, "no-port");
  }
  return undefined;
}
