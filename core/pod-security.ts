/** Namespaces in which Kubernetes' own Pod Security admission lets no pod of ours be. */
const ENFORCE_LABEL = "pod-security.kubernetes.io/enforce";
/** Levels that forbid NET_ADMIN (Kubernetes, Pod Security Standards, "Capabilities"). */
const FORBIDDING_LEVELS: ReadonlySet<string> = new Set(["baseline", "restricted"]);

/**
 * The level that a namespace enforces, where it forbids the capability that the redirect's init container needs. A
 * default of the whole cluster stands in no label.
 */
export function levelAgainstRedirect(labels: Readonly<Record<string, string>>): string | undefined {
  const level = labels[ENFORCE_LABEL] ?? "";
  return FORBIDDING_LEVELS.has(level) ? level : undefined;
}
