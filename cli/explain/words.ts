/** Reasons in words. */
import type { PassedOver, RouteReason } from "../../core/routing.ts";

export const REASONS: Readonly<Record<RouteReason, string>> = {
  "no-service": "it goes where it was dialled: that is no Service of this tree",
  pinned: "it goes where it was dialled: the Service says `azds.io/no-route`",
  opaque: "it goes where it was dialled: its port is declared as no HTTP",
  space: "it is the nearest from the space of the request upwards",
  "own-space": "no space is named, and it is the nearest from the caller's own upwards",
  "as-dialled": "it goes where it was dialled: no version on that way can answer, or it lies outside of it",
  marked: "the caller's sidecar has decided already",
  nearer: "it is a nearer version of the same service",
  here: "no nearer version exists",
  host: "its host says so",
};

/** Of traces, which may come from a newer sidecar. */
export function reasonInWords(reason: string): string {
  const known: Readonly<Record<string, string>> = REASONS;
  return known[reason] ?? reason;
}

export const PASSED_OVER: Readonly<Record<PassedOver, string>> = {
  "no-service": "it has no Service of this name",
  "no-endpoint": "its Service has no ready pod",
  "no-port": "its Service has no such port, neither by name nor by number",
};

/** A list of names for people, cut where it is long. */
export function listed(names: readonly string[], max: number): string {
  const shown = names.slice(0, max).map((name) => `\`${name}\``);
  return names.length > max ? `${shown.join(", ")} and ${names.length - max} more` : shown.join(", ");
}
