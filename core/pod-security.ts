/** Namespaces in which Kubernetes' own Pod Security admission lets no pod have the capability that the redirect needs. */
const ENFORCE_LABEL = "pod-security.kubernetes.io/enforce";
/** Levels that forbid NET_ADMIN (Kubernetes, Pod Security Standards, "Capabilities"). */
const FORBIDDING_LEVELS: ReadonlySet<string> = new Set(["baseline", "restricted"]);

/** By the namespace's own label: a default of the whole cluster stands in none. */
export function forbidsNetAdmin(labels: Readonly<Record<string, string>>): boolean {
  return FORBIDDING_LEVELS.has(labels[ENFORCE_LABEL] ?? "");
}
