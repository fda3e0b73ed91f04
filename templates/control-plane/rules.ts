/** Rights of people and of the webhook, as RBAC rules; those of controller and builder stand beside their programs. */

import { CA_CONFIG_MAP, COMPONENT } from "../../core/contract.ts";
import { tlsSecretName } from "../../core/host/certificate.ts";

/** rbac.authorization.k8s.io/v1 PolicyRule. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const READ = ["get", "list", "watch"] as const;
const WRITE = [...READ, "create", "update", "patch", "delete", "deletecollection"] as const;

/**
 * Bound to people in their own spaces by the controller: what charts create, and what `up` needs of the pods.
 * Roles and bindings are included since charts bring them: the API server lets nobody grant more than they have
 * (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping).
 */
export const DEVELOPER_RULES: readonly PolicyRule[] = [
  {
    apiGroups: [""],
    resources: [
      "configmaps",
      "endpoints",
      "persistentvolumeclaims",
      "pods",
      "replicationcontrollers",
      "secrets",
      "serviceaccounts",
      "services",
    ],
    verbs: WRITE,
  },
  { apiGroups: [""], resources: ["pods/attach", "pods/exec", "pods/portforward"], verbs: ["create", "get"] },
  { apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"] },
  {
    apiGroups: [""],
    resources: ["events", "limitranges", "namespaces", "pods/log", "pods/status", "resourcequotas"],
    verbs: READ,
  },
  {
    apiGroups: ["apps"],
    resources: [
      "daemonsets",
      "deployments",
      "deployments/scale",
      "replicasets",
      "replicasets/scale",
      "statefulsets",
      "statefulsets/scale",
    ],
    verbs: WRITE,
  },
  { apiGroups: ["apps"], resources: ["controllerrevisions"], verbs: READ },
  { apiGroups: ["batch"], resources: ["cronjobs", "jobs"], verbs: WRITE },
  { apiGroups: ["autoscaling"], resources: ["horizontalpodautoscalers"], verbs: WRITE },
  { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: WRITE },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses", "networkpolicies"], verbs: WRITE },
  { apiGroups: ["gateway.networking.k8s.io"], resources: ["gateways", "httproutes"], verbs: READ },
  { apiGroups: ["rbac.authorization.k8s.io"], resources: ["rolebindings", "roles"], verbs: WRITE },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: WRITE },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: READ },
  { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: READ },
];

/** For spaces that one inherits from: sees what runs there, reads neither secrets nor settings, changes nothing. */
export const VIEWER_RULES: readonly PolicyRule[] = [
  {
    apiGroups: [""],
    resources: ["endpoints", "events", "namespaces", "pods", "pods/log", "pods/status", "services"],
    verbs: READ,
  },
  { apiGroups: ["apps"], resources: ["daemonsets", "deployments", "replicasets", "statefulsets"], verbs: READ },
  { apiGroups: ["batch"], resources: ["cronjobs", "jobs"], verbs: READ },
  { apiGroups: ["autoscaling"], resources: ["horizontalpodautoscalers"], verbs: READ },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses"], verbs: READ },
  { apiGroups: ["gateway.networking.k8s.io"], resources: ["gateways", "httproutes"], verbs: READ },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: READ },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: READ },
  { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: READ },
];

/**
 * A resource that exists in no API: a right on it marks people. SPACE_POLICY limits those who may `create` it and
 * may not `administer` it, so that neither administrators nor other tools' accounts feel the policy.
 */
export const SPACES = { group: "azds.io", resource: "spaces", create: "create", administer: "administer" } as const;

/** Bound cluster-wide to people who may make spaces; SPACE_POLICY says which namespaces and which labels. */
export const SPACE_CREATOR_RULES: readonly PolicyRule[] = [
  { apiGroups: [""], resources: ["namespaces"], verbs: [...READ, "create", "update", "patch", "delete"] },
  { apiGroups: [SPACES.group], resources: [SPACES.resource], verbs: [SPACES.create] },
];

/** What the webhook's ServiceAccount may do: know the spaces and sessions, tell the owners of pods, read its own setup. */
export const WEBHOOK_RULES = {
  cluster: [
    { apiGroups: [""], resources: ["namespaces"], verbs: READ },
    { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get"] },
    { apiGroups: [""], resources: ["events"], verbs: ["create"] },
  ],
  own: [
    { apiGroups: [""], resources: ["services"], verbs: READ },
    { apiGroups: [""], resources: ["configmaps"], resourceNames: [CA_CONFIG_MAP], verbs: READ },
    { apiGroups: [""], resources: ["secrets"], resourceNames: [tlsSecretName(COMPONENT.webhook)], verbs: READ },
  ],
} as const;
