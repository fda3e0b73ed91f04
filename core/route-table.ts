/**
 * What the controller knows of one tree of spaces, and how it travels to the sidecars of that tree.
 * Pure data; the controller writes it, sidecars and gateway read it.
 */

export interface SpaceRecord {
  /** The namespace. */
  readonly name: string;
  /** The parent space; absent in a root. */
  readonly parent?: string;
}

export interface ServicePort {
  /** Empty when the Service has one unnamed port. */
  readonly name: string;
  readonly port: number;
  /** Number behind it in the pods, where every endpoint agrees on one. */
  readonly target?: number;
  /** From `appProtocol`, the name's prefix or a well-known number; absent: look at the first bytes. */
  readonly hint?: "http" | "http2" | "opaque";
}

export interface ServiceRecord {
  readonly namespace: string;
  readonly name: string;
  /** `metadata.uid`: tells a re-made Service apart that got an old address. */
  readonly uid: string;
  /** Cluster IPs; empty for a headless Service. */
  readonly ips: readonly string[];
  readonly ports: readonly ServicePort[];
  /** Addresses of ready endpoints. No address: not ready, requests fall back to an ancestor. */
  readonly endpoints: readonly string[];
  /** `azds.io/no-route`: never rerouted. */
  readonly pinned?: true;
}

/** An Ingress (networking.k8s.io/v1) of our class. Only the gateway is told of them. */
export interface IngressRecord {
  readonly namespace: string;
  readonly name: string;
  readonly rules: readonly IngressRule[];
  /** Where requests to its hosts go that no rule names. */
  readonly fallback?: IngressBackend;
  readonly certificates: readonly IngressCertificate[];
}

export interface IngressRule {
  /** Lower case; `*.` stands for one label; empty: every host. */
  readonly host: string;
  readonly path: string;
  /** False: the path and everything below it. */
  readonly exact: boolean;
  readonly backend: IngressBackend;
}

export interface IngressBackend {
  readonly service: string;
  /** Name or number of the Service's port. */
  readonly port: string | number;
}

/** PEM texts of one TLS Secret. */
export interface IngressCertificate {
  readonly hosts: readonly string[];
  readonly cert: string;
  readonly key: string;
}

/** `<namespace>/<name>`. */
export type ServiceKey = string;

export function serviceKey(service: Pick<ServiceRecord, "namespace" | "name">): ServiceKey {
  return `${service.namespace}/${service.name}`;
}

/** One line each (JSON, `\n`) on the feed: first a snapshot, then changes, and a ping every `FEED_PING_MS`. */
export type FeedMessage =
  | {
      readonly type: "snapshot";
      readonly version: FeedVersion;
      readonly spaces: readonly SpaceRecord[];
      readonly services: readonly ServiceRecord[];
      readonly ingresses?: readonly IngressRecord[];
    }
  | { readonly type: "spaces"; readonly version: FeedVersion; readonly spaces: readonly SpaceRecord[] }
  | { readonly type: "service"; readonly version: FeedVersion; readonly service: ServiceRecord }
  | { readonly type: "removed"; readonly version: FeedVersion; readonly key: ServiceKey }
  /** All of them, to the gateway alone. */
  | { readonly type: "ingresses"; readonly version: FeedVersion; readonly ingresses: readonly IngressRecord[] }
  | { readonly type: "ping" };

/** Versions of different replicas cannot be compared: after a change of replica only a snapshot counts. */
export interface FeedVersion {
  readonly replica: string;
  readonly counter: number;
}

/** Path of the feed on the controller; answers `application/x-ndjson` to a bearer token of `TOKEN_AUDIENCE`. */
export const FEED_PATH = "/v1/routes";
