/** What the builder's ServiceAccount may do: rules of rbac.authorization.k8s.io/v1. */
import { CA_CONFIG_MAP, COMPONENT } from "../core/contract.ts";
import { tlsSecretName } from "../core/host/certificate.ts";

interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** In the whole cluster. */
const CLUSTER: readonly PolicyRule[] = [
  { apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] },
  // Those of its node, to give them back an image that the node has lost, and to say so.
  { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] },
  { apiGroups: [""], resources: ["events"], verbs: ["create"] },
];

/** In SYSTEM_NAMESPACE only. */
const OWN: readonly PolicyRule[] = [
  {
    apiGroups: [""],
    resources: ["secrets"],
    resourceNames: [tlsSecretName(COMPONENT.builder)],
    verbs: ["get", "list", "watch"],
  },
  // Other builders: where they are, and how to know them.
  { apiGroups: [""], resources: ["configmaps"], resourceNames: [CA_CONFIG_MAP], verbs: ["get"] },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list"] },
];

export const BUILDER_RULES = { cluster: CLUSTER, own: OWN } as const;
