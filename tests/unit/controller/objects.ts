/** Kubernetes objects as the API server sends them, cut down to what the controller reads. */
import { CREATOR_ANNOTATION, PARENT_LABEL, SPACE_LABEL } from "../../../core/contract.ts";
import type { WatchEvent } from "../../../core/kube/types.ts";
import type { JsonObject } from "../../../core/parse.ts";

export interface SpaceOptions {
  readonly parent?: string;
  readonly creator?: string;
  readonly terminating?: boolean;
}

export function space(name: string, options: SpaceOptions = {}): JsonObject {
  return {
    metadata: {
      name,
      labels: { [SPACE_LABEL]: "true", ...(options.parent === undefined ? {} : { [PARENT_LABEL]: options.parent }) },
      annotations: options.creator === undefined ? {} : { [CREATOR_ANNOTATION]: options.creator },
      ...(options.terminating === true ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
  };
}

export function service(namespace: string, name: string, spec: JsonObject = {}): JsonObject {
  return {
    metadata: { namespace, name, uid: `${namespace}-${name}` },
    spec: { type: "ClusterIP", clusterIPs: ["10.0.0.1"], ports: [{ port: 80, targetPort: 8080 }], ...spec },
  };
}

export interface SliceOptions {
  readonly ready?: readonly string[];
  readonly unready?: readonly string[];
  readonly ports?: readonly JsonObject[];
  readonly suffix?: string;
}

export function slice(namespace: string, name: string, options: SliceOptions = {}): JsonObject {
  return {
    metadata: {
      namespace,
      name: `${name}-${options.suffix ?? "x"}`,
      labels: { "kubernetes.io/service-name": name },
    },
    addressType: "IPv4",
    endpoints: [
      ...(options.ready ?? []).map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
      ...(options.unready ?? []).map((ip) => ({ addresses: [ip], conditions: { ready: false } })),
    ],
    ports: options.ports ?? [{ name: "", port: 8080, protocol: "TCP" }],
  };
}

/** A whole first list. */
export function listed(...objects: readonly JsonObject[]): readonly WatchEvent[] {
  return [{ type: "reset" }, ...objects.map((object): WatchEvent => ({ type: "added", object })), { type: "synced" }];
}
