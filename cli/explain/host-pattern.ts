/** Host names as HTTPRoutes and the listeners of Gateways write them (gateway.networking.k8s.io/v1, Hostname). Pure. */

/** How near a pattern is that has the host: the exact one, then the longest wildcard. `*` stands for one label or more. */
export function hostPatternRank(pattern: string, host: string): number | undefined {
  if (pattern === host) return Number.MAX_SAFE_INTEGER;
  return pattern.startsWith("*.") && host.endsWith(pattern.slice(1)) ? pattern.length : undefined;
}
