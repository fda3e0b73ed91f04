/** Services and their EndpointSlices, and the route record that both together make. */
import { NO_ROUTE_ANNOTATION } from "../../core/contract.ts";
import { canonicalAddress } from "../../core/ip-address.ts";
import { asArray, asNumber, asString, at } from "../../core/parse.ts";
import { serviceKey, type ServiceKey, type ServicePort, type ServiceRecord } from "../../core/route-table.ts";
import { protocolHint } from "./protocol-hint.ts";

/** Label of an EndpointSlice: the Service it belongs to. */
const SERVICE_NAME_LABEL = "kubernetes.io/service-name";

/** The part of a Service (v1) that routing needs; only TCP ports. */
export interface Service {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly ips: readonly string[];
  readonly ports: readonly Port[];
  readonly pinned: boolean;
}

interface Port {
  readonly name: string;
  readonly port: number;
  /** Absent when the Service names the port instead of numbering it. */
  readonly target: number | undefined;
  readonly appProtocol: string | undefined;
}

/** The part of an EndpointSlice (discovery.k8s.io/v1) that routing needs. */
export interface Slice {
  readonly service: ServiceKey;
  /** Ready addresses. */
  readonly ready: readonly string[];
  /** Whether it has endpoints at all: an empty slice says nothing about ports. */
  readonly used: boolean;
  readonly ports: ReadonlyMap<string, number>;
}

/** `undefined` for ExternalName, which has no address to recognise it by. */
export function parseService(object: unknown): Service | undefined {
  const metadata = at(object, "metadata");
  const namespace = asString(at(metadata, "namespace"));
  const name = asString(at(metadata, "name"));
  const spec = at(object, "spec");
  if (namespace === undefined || name === undefined || at(spec, "type") === "ExternalName") return undefined;
  const noRoute = asString(at(metadata, "annotations", NO_ROUTE_ANNOTATION));
  return {
    namespace,
    name,
    uid: asString(at(metadata, "uid")) ?? "",
    ips: clusterIps(spec),
    ports: asArray(at(spec, "ports")).flatMap(parsePort),
    pinned: noRoute !== undefined && noRoute !== "false",
  };
}

/** `undefined` for slices of no Service and for those of host names. */
export function parseSlice(object: unknown): Slice | undefined {
  const namespace = asString(at(object, "metadata", "namespace"));
  const service = asString(at(object, "metadata", "labels", SERVICE_NAME_LABEL));
  if (namespace === undefined || service === undefined || at(object, "addressType") === "FQDN") return undefined;
  const endpoints = asArray(at(object, "endpoints"));
  const ready = endpoints.filter((endpoint) => at(endpoint, "conditions", "ready") !== false);
  const ports = asArray(at(object, "ports")).flatMap((entry): readonly [string, number][] => {
    const port = asNumber(at(entry, "port"));
    return port === undefined || !isTcp(entry) ? [] : [[asString(at(entry, "name")) ?? "", port]];
  });
  return {
    service: serviceKey({ namespace, name: service }),
    ready: ready.flatMap((endpoint) => asArray(at(endpoint, "addresses")).flatMap(addressOf)),
    used: endpoints.length > 0,
    ports: new Map(ports),
  };
}

/** Sorted where order means nothing, so that equal clusters give equal records. */
export function recordOf(service: Service, slices: readonly Slice[]): ServiceRecord {
  return {
    namespace: service.namespace,
    name: service.name,
    uid: service.uid,
    ips: service.ips,
    ports: service.ports.map((port) => servicePort(port, slices)),
    endpoints: [...new Set(slices.flatMap((slice) => slice.ready))].toSorted(),
    ...(service.pinned ? { pinned: true } : {}),
  };
}

function servicePort(port: Port, slices: readonly Slice[]): ServicePort {
  const targets = new Set(slices.filter((slice) => slice.used).flatMap((slice) => slice.ports.get(port.name) ?? []));
  const [only] = targets;
  const target = targets.size === 0 ? port.target : targets.size === 1 ? only : undefined;
  const hint = protocolHint({ ...port, target });
  return {
    name: port.name,
    port: port.port,
    ...(target === undefined ? {} : { target }),
    ...(hint === undefined ? {} : { hint }),
  };
}

function parsePort(entry: unknown): readonly Port[] {
  const port = asNumber(at(entry, "port"));
  if (port === undefined || !isTcp(entry)) return [];
  const declared = at(entry, "targetPort");
  return [
    {
      name: asString(at(entry, "name")) ?? "",
      port,
      // Kubernetes takes the Service's own port where none is named.
      target: declared === undefined ? port : asNumber(declared),
      appProtocol: asString(at(entry, "appProtocol")),
    },
  ];
}

function clusterIps(spec: unknown): readonly string[] {
  const ips = asArray(at(spec, "clusterIPs")).flatMap(addressOf);
  const all = ips.length > 0 ? ips : addressOf(at(spec, "clusterIP"));
  return all.filter((ip) => ip !== "" && ip !== "None");
}

/** As the sidecar reads it from the kernel. */
function addressOf(ip: unknown): readonly string[] {
  return typeof ip === "string" ? [canonicalAddress(ip)] : [];
}

function isTcp(port: unknown): boolean {
  return (asString(at(port, "protocol")) ?? "TCP") === "TCP";
}
