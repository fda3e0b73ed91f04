/** Takes azds out of a cluster. Spaces are the users' namespaces, so they and all that runs in them stay. */
import { COMPONENT, FIELD_MANAGER, INSTRUMENTED_LABEL, SPACE_LABEL, SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { collectionPath, objectPath, withQuery, type ObjectKind } from "../../core/kube/paths.ts";
import { KubeError } from "../../core/kube/types.ts";
import { asString, at } from "../../core/parse.ts";
import { removeNamespace, SYSTEM_NAMESPACE_PATH, untilNamespaceIsGone } from "./namespace-removal.ts";
import { isOurs } from "./plan.ts";
import type { Ports } from "./ports.ts";

const ADMISSION = "admissionregistration.k8s.io/v1";
const NETWORKING = "networking.k8s.io/v1";
const RBAC = "rbac.authorization.k8s.io/v1";

/** First of all, so that no call is made to a webhook that is going. */
const WEBHOOKS: readonly ObjectKind[] = [{ apiVersion: ADMISSION, kind: "MutatingWebhookConfiguration" }];

/** Bindings before roles: without rights the controller stops writing at once. */
const ACCESS: readonly ObjectKind[] = [
  { apiVersion: RBAC, kind: "ClusterRoleBinding" },
  { apiVersion: RBAC, kind: "RoleBinding" },
  { apiVersion: RBAC, kind: "ClusterRole" },
  // Clones that the controller made in spaces, which are the users' own.
  { apiVersion: NETWORKING, kind: "Ingress" },
  { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute" },
  // Copies of the registry's credentials in spaces.
  { apiVersion: "v1", kind: "Secret" },
  { apiVersion: NETWORKING, kind: "IngressClass" },
  { apiVersion: ADMISSION, kind: "ValidatingAdmissionPolicyBinding" },
  { apiVersion: ADMISSION, kind: "ValidatingAdmissionPolicy" },
];

/** Who makes objects of ours; a user's chart may call its own a part of azds too. */
const MANAGERS: ReadonlySet<unknown> = new Set([FIELD_MANAGER, COMPONENT.controller]);

/** What is left of azds in the cluster; everything false when it is not enabled, nor half enabled. */
export interface Remains {
  readonly namespace: boolean;
  readonly objects: boolean;
}

export async function findRemains({ cluster, signal }: Ports): Promise<Remains> {
  const [namespace, ...lists] = await Promise.all([
    cluster.kube.find(SYSTEM_NAMESPACE_PATH, signal),
    ...[...WEBHOOKS, ...ACCESS].map(async (type) => ours({ cluster, signal }, type)),
  ]);
  return { namespace: namespace !== undefined && isOurs(namespace), objects: lists.some((paths) => paths.length > 0) };
}

export async function disable(ports: Ports, remains: Remains): Promise<void> {
  await ports.step("webhook", "Unregistering the webhook", async () => removeKinds(ports, WEBHOOKS));
  await ports.step("access", "Removing rights and policies", async () => removeKinds(ports, ACCESS));
  if (!remains.namespace) return;
  await ports.step("namespace", `Removing namespace '${SYSTEM_NAMESPACE}'`, async () => {
    await removeNamespace(ports.cluster, ports.signal);
    await untilNamespaceIsGone(ports);
  });
}

/** What stays, for the last words. */
export interface Stays {
  readonly spaces: readonly string[];
  /** `<namespace>/<pod>` with a sidecar. */
  readonly pods: readonly string[];
}

export async function findWhatStays({ cluster, signal }: Ports): Promise<Stays> {
  const [spaces, pods] = await Promise.all([
    cluster.kube.list(labelled("/api/v1/namespaces", SPACE_LABEL), signal),
    cluster.kube.list(labelled("/api/v1/pods", INSTRUMENTED_LABEL), signal),
  ]);
  return {
    spaces: spaces.map(nameOf).toSorted(),
    pods: pods.map((pod) => `${namespaceOf(pod)}/${nameOf(pod)}`).toSorted(),
  };
}

function labelled(path: string, label: string): string {
  return withQuery(path, { labelSelector: `${label}=true` });
}

type Access = Pick<Ports, "cluster" | "signal">;

async function removeKinds(access: Access, types: readonly ObjectKind[]): Promise<void> {
  for (const type of types) {
    const paths = await ours(access, type);
    await Promise.all(paths.map(async (path) => access.cluster.kube.remove(path, { signal: access.signal })));
  }
}

/** Paths of our objects of a kind, in the whole cluster; none where the server does not know the kind. */
async function ours({ cluster, signal }: Access, type: ObjectKind): Promise<readonly string[]> {
  try {
    const objects = await cluster.kube.list(
      withQuery(collectionPath(type), { labelSelector: "app.kubernetes.io/part-of=azds" }),
      signal,
    );
    const made = objects.filter((object) =>
      MANAGERS.has(at(object, "metadata", "labels", "app.kubernetes.io/managed-by")),
    );
    return made.map((object) => objectPath(type, namespaceOf(object), nameOf(object)));
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return [];
    throw error;
  }
}

function nameOf(object: unknown): string {
  return asString(at(object, "metadata", "name")) ?? "";
}

function namespaceOf(object: unknown): string {
  return asString(at(object, "metadata", "namespace")) ?? "";
}
