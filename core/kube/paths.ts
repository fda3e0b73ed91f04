/** Paths of the API server. Names are DNS labels or subdomains once they exist in a cluster; they are escaped all the same. */

/** Plural and scope of the kinds that azds touches (https://kubernetes.io/docs/reference/kubernetes-api/). */
const KINDS: Readonly<Record<string, { readonly plural: string; readonly cluster?: true }>> = {
  ClusterRole: { plural: "clusterroles", cluster: true },
  ClusterRoleBinding: { plural: "clusterrolebindings", cluster: true },
  ConfigMap: { plural: "configmaps" },
  CronJob: { plural: "cronjobs" },
  DaemonSet: { plural: "daemonsets" },
  Deployment: { plural: "deployments" },
  EndpointSlice: { plural: "endpointslices" },
  Event: { plural: "events" },
  Gateway: { plural: "gateways" },
  HTTPRoute: { plural: "httproutes" },
  Ingress: { plural: "ingresses" },
  IngressClass: { plural: "ingressclasses", cluster: true },
  Job: { plural: "jobs" },
  Lease: { plural: "leases" },
  MutatingWebhookConfiguration: { plural: "mutatingwebhookconfigurations", cluster: true },
  Namespace: { plural: "namespaces", cluster: true },
  NetworkPolicy: { plural: "networkpolicies" },
  Node: { plural: "nodes", cluster: true },
  PersistentVolumeClaim: { plural: "persistentvolumeclaims" },
  Pod: { plural: "pods" },
  PodDisruptionBudget: { plural: "poddisruptionbudgets" },
  ReplicaSet: { plural: "replicasets" },
  Role: { plural: "roles" },
  RoleBinding: { plural: "rolebindings" },
  Secret: { plural: "secrets" },
  Service: { plural: "services" },
  ServiceAccount: { plural: "serviceaccounts" },
  StatefulSet: { plural: "statefulsets" },
  SubjectAccessReview: { plural: "subjectaccessreviews", cluster: true },
  TokenReview: { plural: "tokenreviews", cluster: true },
  ValidatingAdmissionPolicy: { plural: "validatingadmissionpolicies", cluster: true },
  ValidatingAdmissionPolicyBinding: { plural: "validatingadmissionpolicybindings", cluster: true },
};

export interface ObjectKind {
  /** For example `v1` or `apps/v1`. */
  readonly apiVersion: string;
  readonly kind: string;
}

/** One namespace, or the collection of all. */
export function namespacePath(name?: string): string {
  return name === undefined ? "/api/v1/namespaces" : `/api/v1/namespaces/${encodeURIComponent(name)}`;
}

/** All pods of a namespace. */
export function podsPath(namespace: string): string {
  return `${namespacePath(namespace)}/pods`;
}

export function podPath(namespace: string, name: string): string {
  return `${podsPath(namespace)}/${encodeURIComponent(name)}`;
}

/**
 * All objects of a kind: of one namespace, or of the whole cluster without `namespace`.
 * @throws Error for a kind that azds does not know
 */
export function collectionPath(type: ObjectKind, namespace?: string): string {
  const known = KINDS[type.kind];
  if (known === undefined) throw new Error(`Kind ${type.kind} is missing in the table of kinds`);
  const group = type.apiVersion.includes("/") ? `/apis/${type.apiVersion}` : `/api/${type.apiVersion}`;
  const scope = known.cluster === true || namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${group}${scope}/${known.plural}`;
}

/**
 * One object; `namespace` does not matter for kinds of the whole cluster.
 * @throws Error for a kind that azds does not know
 */
export function objectPath(type: ObjectKind, namespace: string, name: string): string {
  return `${collectionPath(type, namespace)}/${encodeURIComponent(name)}`;
}

/** `path` with the given parameters added to its query. */
export function withQuery(
  path: string,
  parameters: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const query = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(String(value))}`)
    .join("&");
  if (query === "") return path;
  return `${path}${path.includes("?") ? "&" : "?"}${query}`;
}
