/** Search domains of the ancestors, so that a bare name that only an ancestor has resolves in the pod. */
import { asArray, asString, at, isObject } from "../core/parse.ts";
import type { Pod } from "./pod.ts";
import type { Warning } from "./reasons.ts";

/** Limits of the API server on `dnsConfig.searches` (Kubernetes, "DNS for Services and Pods"). */
const SEARCHES_MAX = 32;
const SEARCH_CHARS_MAX = 2048;

/** Policies under which the pod asks the cluster's DNS; under the others nobody would know the names. */
const CLUSTER_POLICIES: ReadonlySet<unknown> = new Set([undefined, "ClusterFirst", "ClusterFirstWithHostNet"]);

export interface DnsPlan {
  /** The pod's new `dnsConfig`; `undefined` leaves it. */
  readonly dnsConfig: unknown;
  readonly warnings: readonly Warning[];
}

/** @param ancestors nearest first */
export function planDns(pod: Pod, ancestors: readonly string[], clusterDomain: string): DnsPlan {
  const before = at(pod, "spec", "dnsConfig");
  if (!CLUSTER_POLICIES.has(at(pod, "spec", "dnsPolicy"))) return { dnsConfig: before, warnings: [] };
  const present = asArray(at(before, "searches")).flatMap((domain) => asString(domain) ?? []);
  const wanted = ancestors.map((name) => `${name}.svc.${clusterDomain}`).filter((domain) => !present.includes(domain));
  const fits = wanted.filter((_, index) => {
    const list = [...present, ...wanted.slice(0, index + 1)];
    return list.length <= SEARCHES_MAX && list.join(" ").length <= SEARCH_CHARS_MAX;
  });
  const dropped = wanted.slice(fits.length);
  return {
    dnsConfig: fits.length === 0 ? before : { ...(isObject(before) ? before : {}), searches: [...present, ...fits] },
    warnings: dropped.length === 0 ? [] : [{ code: "search-list-full", detail: dropped.join(" ") }],
  };
}
