/** The rights that follow from who made which space: its developer there, viewer in the spaces it inherits from. */
import { createHash } from "node:crypto";
import { CLUSTER_ROLE } from "../../core/contract.ts";
import { asArray, asString, at } from "../../core/parse.ts";
import { ancestorsOf, type Forest, type Space } from "../index/space.ts";
import { CONTROLLER_LABELS } from "../labels.ts";
import { formatServiceAccount, parseServiceAccount } from "../../core/kube/service-account.ts";

/** A RoleBinding (rbac.authorization.k8s.io/v1) of one user to one of our ClusterRoles. */
export interface Binding {
  readonly namespace: string;
  readonly name: string;
  readonly role: string;
  /** Kubernetes user name. */
  readonly user: string;
}

const OUR_NAMES = new RegExp(`^(${CLUSTER_ROLE.developer}|${CLUSTER_ROLE.viewer}-[0-9a-f]{10})$`);

export type BindingStep =
  | { readonly type: "write"; readonly binding: Binding }
  /** Also before a write that changes the role: `roleRef` cannot be edited. */
  | { readonly type: "remove"; readonly binding: Binding };

/** All bindings there should be. */
export function wantedBindings(spaces: readonly Space[], forest: Forest): readonly Binding[] {
  const parents = new Map(
    [...forest.trees.values()]
      .flat()
      .flatMap(({ name, parent }): readonly [string, string][] => (parent === undefined ? [] : [[name, parent]])),
  );
  const bindings = spaces.flatMap(({ name, creator }) => {
    if (creator === undefined) return [];
    return [developer(name, creator), ...ancestorsOf(name, parents).map((ancestor) => viewer(ancestor, creator))];
  });
  return [...new Map(bindings.map((binding) => [keyOf(binding), binding])).values()];
}

/** @param found bindings of ours in the cluster */
export function planBindings(wanted: readonly Binding[], found: readonly Binding[]): readonly BindingStep[] {
  const wantedByKey = new Map(wanted.map((binding) => [keyOf(binding), binding]));
  const foundByKey = new Map(found.map((binding) => [keyOf(binding), binding]));
  const removals = found.filter((binding) => wantedByKey.get(keyOf(binding))?.role !== binding.role);
  const writes = wanted.filter((binding) => {
    const there = foundByKey.get(keyOf(binding));
    return there?.role !== binding.role || there.user !== binding.user;
  });
  return [
    ...removals.map((binding): BindingStep => ({ type: "remove", binding })),
    ...writes.map((binding): BindingStep => ({ type: "write", binding })),
  ];
}

/** `undefined` for any other RoleBinding, the controller's own among them. */
export function parseBinding(object: unknown): Binding | undefined {
  const namespace = asString(at(object, "metadata", "namespace"));
  const name = asString(at(object, "metadata", "name"));
  if (namespace === undefined || name === undefined || !OUR_NAMES.test(name)) return undefined;
  const subjects = asArray(at(object, "subjects"));
  const user = subjects.length === 1 ? userOf(subjects[0]) : "";
  return { namespace, name, role: asString(at(object, "roleRef", "name")) ?? "", user };
}

/** For server-side apply. */
export function bindingObject(binding: Binding): object {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: binding.name, namespace: binding.namespace, labels: CONTROLLER_LABELS },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: binding.role },
    subjects: [subjectOf(binding.user)],
  };
}

function developer(namespace: string, user: string): Binding {
  return { namespace, name: CLUSTER_ROLE.developer, role: CLUSTER_ROLE.developer, user };
}

/** One per user, as a space has many heirs; user names are no object names, so their hash is taken. */
function viewer(namespace: string, user: string): Binding {
  const hash = createHash("sha256").update(user).digest("hex").slice(0, 10);
  return { namespace, name: `${CLUSTER_ROLE.viewer}-${hash}`, role: CLUSTER_ROLE.viewer, user };
}

function keyOf(binding: Binding): string {
  return `${binding.namespace}/${binding.name}`;
}

function subjectOf(user: string): object {
  const account = parseServiceAccount(user);
  if (account === undefined) return { apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user };
  return { kind: "ServiceAccount", ...account };
}

/** The user name that a subject stands for; empty for a group. */
function userOf(subject: unknown): string {
  const name = asString(at(subject, "name")) ?? "";
  switch (at(subject, "kind")) {
    case "User":
      return name;
    case "ServiceAccount":
      return formatServiceAccount({ namespace: asString(at(subject, "namespace")) ?? "", name });
    default:
      return "";
  }
}
