/** The pods behind an answer. Pure. */
import type { ServiceRecord } from "../../core/route-table.ts";
import type { PodLine } from "./explanation.ts";
import type { Question } from "./question.ts";
import type { PodFacts } from "./space-facts.ts";

/**
 * Those with a ready endpoint, and those that the Service selects and that are not ready.
 *
 * @param only the one address that counts, where a pod itself was dialled
 */
export function podsOf(
  { facts }: Pick<Question, "facts">,
  service: Pick<ServiceRecord, "namespace" | "name" | "endpoints">,
  only?: string,
): readonly PodLine[] {
  const space = facts.get(service.namespace);
  const endpoints = only === undefined ? service.endpoints : [only];
  if (space === undefined) {
    const note = "the pods of this space may not be read";
    return endpoints.map((address) => nameless(service.namespace, address, note));
  }
  const selector = space.services.find(({ name }) => name === service.name);
  const isBehind = (pod: PodFacts): boolean =>
    pod.addresses.some((address) => endpoints.includes(address)) ||
    (only === undefined && selector?.owns(pod.view) === true);
  const gone = endpoints.filter((address) => !space.pods.some(({ addresses }) => addresses.includes(address)));
  const note = "no pod of this space has that address now: the Service leads elsewhere, or the table is old";
  return [
    ...space.pods.filter(isBehind).map(podLine),
    ...gone.map((address) => nameless(service.namespace, address, note)),
  ];
}

/** Why a space has no ready endpoint, as far as its pods tell. */
export function whyNotReady({ facts }: Pick<Question, "facts">, space: string, name: string): string {
  if (!facts.has(space)) return "";
  const pods = podsOf({ facts }, { namespace: space, name, endpoints: [] });
  if (pods.length === 0) return ": it has no pod at all";
  return `: ${pods.map((pod) => `\`${pod.name}\` is ${pod.status}`).join(", ")}`;
}

function podLine({ name, namespace, addresses, status, sidecar, skipped, view }: PodFacts): PodLine {
  const missing = skipped === undefined ? "no sidecar" : `no sidecar: ${skipped}`;
  const note = sidecar === undefined ? missing : view.warning;
  return { name, namespace, address: addresses[0] ?? "", status, sidecar: sidecar !== undefined, note };
}

function nameless(namespace: string, address: string, note: string): PodLine {
  return { name: "", namespace, address, status: "Ready", sidecar: false, note };
}
