/**
 * The search list of a pod's /etc/resolv.conf, so that a bare name means: the own space's service, then the parent's,
 * and so on up the tree. Kubernetes writes `<namespace>.svc.<domain> svc.<domain> <domain> …`; dnsConfig can only append.
 */
import { RESOLV_SEARCH_CHARS_MAX } from "../../core/limits.ts";

export interface SearchOrder {
  readonly space: string;
  /** Nearest first. */
  readonly ancestors: readonly string[];
}

/**
 * The text with the ancestors' domains right behind the own one, each domain once; everything else as it was.
 * Unchanged where no search list names the own space: then the pod chose its own DNS.
 */
export function reorderSearch(text: string, order: SearchOrder): string {
  const lines = text.split("\n");
  // Of several lists the last one counts (resolv.conf(5)).
  const at = lines.findLastIndex((line) => /^search\s/.test(line));
  const domains = (lines[at] ?? "").trim().split(/\s+/).slice(1);
  const own = domains.find((domain) => domain.startsWith(`${order.space}.svc.`));
  if (own === undefined) return text;
  const clusterDomain = own.slice(order.space.length + 1);
  const ancestors = order.ancestors.map((ancestor) => `${ancestor}.${clusterDomain}`);
  const others = domains.filter((domain) => !ancestors.includes(domain));
  const behind = others.indexOf(own) + 1;
  lines[at] =
    `search ${fitting([...new Set([...others.slice(0, behind), ...ancestors, ...others.slice(behind)])], ancestors).join(" ")}`;
  return lines.join("\n");
}

/** Without the farthest ancestors where the list would be longer than resolvers take. */
function fitting(domains: readonly string[], ancestors: readonly string[]): readonly string[] {
  const kept = [...domains];
  for (const farthest of ancestors.toReversed()) {
    if (kept.join(" ").length <= RESOLV_SEARCH_CHARS_MAX) break;
    kept.splice(kept.indexOf(farthest), 1);
  }
  return kept;
}
