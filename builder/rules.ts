/** What the builder's ServiceAccount may do: rules of rbac.authorization.k8s.io/v1. */
import { COMPONENT } from "../core/contract.ts";
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
];

/** In SYSTEM_NAMESPACE only. */
const OWN: readonly PolicyRule[] = [
  {
    apiGroups: [""],
    resources: ["secrets"],
    resourceNames: [tlsSecretName(COMPONENT.builder)],
    verbs: ["get", "list", "watch"],
  },
];

export const BUILDER_RULES = { cluster: CLUSTER, own: OWN } as const;
