/** An Ingress (networking.k8s.io/v1), as far as it concerns us. */
import { INGRESS_CLASSES } from "./contract.ts";
import { asArray, asNumber, asString, asStringRecord, at, isObject } from "./parse.ts";
import type {
  IngressBackend,
  IngressCertificate,
  IngressRecord,
  IngressRule,
  ServicePort,
  ServiceRecord,
} from "./route-table.ts";

/** The older way to name a class; honoured like `spec.ingressClassName`. */
const CLASS_ANNOTATION = "kubernetes.io/ingress.class";

export interface Ingress {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** As the API gives it. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** The gateway serves it. */
  readonly ours: boolean;
  /** Hosts of its TLS sections, with the names of their Secrets. */
  readonly tls: readonly { readonly hosts: readonly string[]; readonly secret: string }[];
  /** `status.loadBalancer.ingress`. */
  readonly addresses: readonly unknown[];
}

/** `undefined` for one that is being deleted. */
export function parseIngress(object: unknown): Ingress | undefined {
  const metadata = at(object, "metadata");
  const namespace = asString(at(metadata, "namespace"));
  const name = asString(at(metadata, "name"));
  const spec = at(object, "spec");
  if (namespace === undefined || name === undefined || at(metadata, "deletionTimestamp") !== undefined)
    return undefined;
  const annotations = asStringRecord(at(metadata, "annotations"));
  const className = asString(at(spec, "ingressClassName")) ?? annotations[CLASS_ANNOTATION] ?? "";
  return {
    namespace,
    name,
    uid: asString(at(metadata, "uid")) ?? "",
    labels: asStringRecord(at(metadata, "labels")),
    annotations,
    spec: isObject(spec) ? spec : {},
    ours: INGRESS_CLASSES.some((known) => known === className),
    tls: asArray(at(spec, "tls")).map((entry) => ({
      hosts: asArray(at(entry, "hosts")).flatMap((host) => asString(host)?.toLowerCase() ?? []),
      secret: asString(at(entry, "secretName")) ?? "",
    })),
    addresses: asArray(at(object, "status", "loadBalancer", "ingress")),
  };
}

/** As the gateway is told of it. */
export function recordOfIngress(ingress: Ingress, certificates: readonly IngressCertificate[]): IngressRecord {
  const { namespace, name, spec } = ingress;
  const fallback = backendOf(spec["defaultBackend"]);
  return {
    namespace,
    name,
    rules: asArray(spec["rules"]).flatMap(rulesOf),
    certificates,
    ...(fallback === undefined ? {} : { fallback }),
  };
}

/** A backend names the port of its Service, or gives its number; `undefined`: there is no such port. */
export function backendPort(service: ServiceRecord, { port }: IngressBackend): ServicePort | undefined {
  return service.ports.find((each) => each.name === port || each.port === port);
}

/** `ImplementationSpecific` means `Prefix` here, as with most controllers. */
function rulesOf(rule: unknown): readonly IngressRule[] {
  const host = (asString(at(rule, "host")) ?? "").toLowerCase();
  return asArray(at(rule, "http", "paths")).flatMap((entry) => {
    const backend = backendOf(at(entry, "backend"));
    if (backend === undefined) return [];
    return [{ host, path: asString(at(entry, "path")) || "/", exact: at(entry, "pathType") === "Exact", backend }];
  });
}

/** `undefined` for a backend that is no Service. */
function backendOf(backend: unknown): IngressBackend | undefined {
  const service = asString(at(backend, "service", "name"));
  const port = at(backend, "service", "port");
  const named = asNumber(at(port, "number")) ?? asString(at(port, "name"));
  return service === undefined || named === undefined ? undefined : { service, port: named };
}
