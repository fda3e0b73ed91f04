/** RBAC objects: one ServiceAccount per program, the roles of people, and who may read what azds says of itself. */
import { CLUSTER_ROLE, COMPONENT, SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { clusterScoped, configMap, namespaced, type Identity, type KubeObject } from "./object.ts";
import { DEVELOPER_RULES, SPACE_CREATOR_RULES, VIEWER_RULES, type PolicyRule } from "./rules.ts";
import { infoOf, type ControlPlaneSettings } from "./settings.ts";

const RBAC = "rbac.authorization.k8s.io";

/** The roles that people are bound to; docs/roles.md explains them. */
export function userRoles(settings: ControlPlaneSettings): readonly KubeObject[] {
  const role = (name: string, rules: readonly PolicyRule[]): KubeObject =>
    clusterRole({ name, component: "access", version: settings.version }, rules);
  return [
    role(CLUSTER_ROLE.developer, DEVELOPER_RULES),
    role(CLUSTER_ROLE.viewer, VIEWER_RULES),
    // Without the policy it would be a right over every namespace.
    ...(settings.admissionPolicies ? [role(CLUSTER_ROLE.spaceCreator, SPACE_CREATOR_RULES)] : []),
  ];
}

/** How azds was enabled, for `show-context` and `up` of users without any right in our namespace. */
export function info(settings: ControlPlaneSettings): readonly KubeObject[] {
  const identity: Identity = { name: COMPONENT.info, component: "cluster", version: settings.version };
  const read = { apiGroups: [""], resources: ["configmaps"], resourceNames: [COMPONENT.info], verbs: ["get"] };
  const seeGateway = { apiGroups: [""], resources: ["services"], resourceNames: [COMPONENT.gateway], verbs: ["get"] };
  return [
    configMap(namespaced(identity), infoOf(settings)),
    { apiVersion: `${RBAC}/v1`, kind: "Role", metadata: namespaced(identity), rules: [read, seeGateway] },
    {
      apiVersion: `${RBAC}/v1`,
      kind: "RoleBinding",
      metadata: namespaced(identity),
      roleRef: { apiGroup: RBAC, kind: "Role", name: COMPONENT.info },
      subjects: [{ apiGroup: RBAC, kind: "Group", name: "system:authenticated" }],
    },
  ];
}

export interface ProgramRules {
  /** In the whole cluster. */
  readonly cluster: readonly PolicyRule[];
  /** In our own namespace only. */
  readonly own: readonly PolicyRule[];
}

/** ServiceAccount of one program with its rights. */
export function programAccess(identity: Identity, rules: ProgramRules): readonly KubeObject[] {
  const { name } = identity;
  const subjects = [{ kind: "ServiceAccount", name, namespace: SYSTEM_NAMESPACE }];
  const metadata = namespaced(identity);
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    clusterRole(identity, rules.cluster),
    {
      apiVersion: `${RBAC}/v1`,
      kind: "ClusterRoleBinding",
      metadata: clusterScoped(identity),
      roleRef: { apiGroup: RBAC, kind: "ClusterRole", name },
      subjects,
    },
    { apiVersion: `${RBAC}/v1`, kind: "Role", metadata, rules: rules.own },
    {
      apiVersion: `${RBAC}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: RBAC, kind: "Role", name },
      subjects,
    },
  ];
}

function clusterRole(identity: Identity, rules: readonly PolicyRule[]): KubeObject {
  return { apiVersion: `${RBAC}/v1`, kind: "ClusterRole", metadata: clusterScoped(identity), rules };
}
