import {
  CA_CONFIG_MAP,
  CA_SECRET,
  CLUSTER_ROLE,
  COMPONENT,
  PULL_SECRET,
  WEBHOOK_CONFIGURATION,
} from "../core/contract.ts";
import { tlsSecretName } from "../core/host/certificate.ts";

/** A rule of rbac.authorization.k8s.io/v1. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** In the whole cluster. */
const CLUSTER: readonly PolicyRule[] = [
  { apiGroups: [""], resources: ["namespaces", "services"], verbs: ["list", "watch"] },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses"], verbs: ["list", "watch", "create", "patch", "delete"] },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses/status"], verbs: ["patch"] },
  { apiGroups: ["gateway.networking.k8s.io"], resources: ["httproutes"], verbs: ["list", "create", "patch", "delete"] },
  // TLS Secrets of Ingresses in spaces; whoever may bind `azds-developer` could have them anyhow.
  { apiGroups: [""], resources: ["secrets"], verbs: ["get"] },
  // Copies of the registry's credentials in spaces; a list names the one it wants in its field selector.
  {
    apiGroups: [""],
    resources: ["secrets"],
    resourceNames: [PULL_SECRET],
    verbs: ["list", "create", "patch", "delete"],
  },
  { apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] },
  {
    apiGroups: ["rbac.authorization.k8s.io"],
    resources: ["rolebindings"],
    verbs: ["list", "create", "patch", "delete"],
  },
  {
    apiGroups: ["rbac.authorization.k8s.io"],
    resources: ["clusterroles"],
    resourceNames: [CLUSTER_ROLE.developer, CLUSTER_ROLE.viewer],
    verbs: ["bind"],
  },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["list", "delete"] },
  { apiGroups: [""], resources: ["pods"], verbs: ["list"] },
  // On pods that run without their redirect.
  { apiGroups: [""], resources: ["events"], verbs: ["create"] },
  {
    apiGroups: ["admissionregistration.k8s.io"],
    resources: ["mutatingwebhookconfigurations"],
    resourceNames: [WEBHOOK_CONFIGURATION],
    verbs: ["get", "list", "watch", "patch"],
  },
];

const SECRETS = [CA_SECRET, ...[COMPONENT.webhook, COMPONENT.controller, COMPONENT.builder].map(tlsSecretName)];

/** In SYSTEM_NAMESPACE only. */
const OWN: readonly PolicyRule[] = [
  { apiGroups: [""], resources: ["secrets", "configmaps"], verbs: ["create"] },
  { apiGroups: [""], resources: ["secrets"], resourceNames: SECRETS, verbs: ["get", "list", "watch", "update"] },
  { apiGroups: [""], resources: ["configmaps"], resourceNames: [CA_CONFIG_MAP], verbs: ["patch"] },
  { apiGroups: [""], resources: ["services"], resourceNames: [COMPONENT.gateway], verbs: ["get"] },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
  {
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    resourceNames: [COMPONENT.controller],
    verbs: ["get", "update"],
  },
];

/** What the controller's ServiceAccount may do. */
export const CONTROLLER_RULES = { cluster: CLUSTER, own: OWN } as const;
