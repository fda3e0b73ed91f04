/** Kubernetes objects as plain data, and what all of ours have in common. */
import { FIELD_MANAGER, PROXY_UID, SYSTEM_NAMESPACE } from "../../core/contract.ts";

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Parts of azds in `app.kubernetes.io/component`. */
export type Component = "cluster" | "webhook" | "controller" | "builder" | "gateway" | "access";

/** `app.kubernetes.io/part-of` of everything that is ours, and what tells our namespace from a foreign one. */
export const PART_OF = { "app.kubernetes.io/part-of": "azds" } as const;

/** Labels that never change, as selectors need them. */
export function selectorLabels(component: Component): Readonly<Record<string, string>> {
  return { "app.kubernetes.io/name": "azds", "app.kubernetes.io/component": component };
}

export interface Identity {
  readonly name: string;
  readonly component: Component;
  readonly version: string;
}

/** Metadata of an object without a namespace. */
export function clusterScoped({ name, component, version }: Identity): KubeObject["metadata"] {
  return {
    name,
    labels: {
      ...selectorLabels(component),
      ...PART_OF,
      "app.kubernetes.io/version": version,
      "app.kubernetes.io/managed-by": FIELD_MANAGER,
    },
  };
}

/** Metadata of an object in our namespace. */
export function namespaced(identity: Identity): KubeObject["metadata"] {
  return { ...clusterScoped(identity), namespace: SYSTEM_NAMESPACE };
}

/** For pods of programs that need nothing of their node: passes the *restricted* Pod Security Standard. */
export const RESTRICTED_POD = {
  runAsNonRoot: true,
  runAsUser: PROXY_UID,
  runAsGroup: PROXY_UID,
  seccompProfile: { type: "RuntimeDefault" },
} as const;

export const RESTRICTED_CONTAINER = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
} as const;

export function configMap(metadata: KubeObject["metadata"], data: Readonly<Record<string, string>>): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data };
}
