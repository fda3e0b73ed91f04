/** The route table with Ingresses, of which no sidecar is told: only the gateway is. Pure. */
import { type Ingress, recordOfIngress } from "../../core/ingress.ts";
import { RouteTable } from "../../core/routing.ts";
import type { Question } from "./question.ts";

/** @returns `undefined`: the user can read none that counts */
export function tableWithIngresses(
  { routes, facts }: Pick<Question, "routes" | "facts">,
  counts: (ingress: Ingress) => boolean,
): RouteTable | undefined {
  const ingresses = [...facts.values()].flatMap((space) => space.ingresses.filter(counts));
  const { snapshot } = routes.table;
  if (ingresses.length === 0 || snapshot?.type !== "snapshot") return undefined;
  const table = new RouteTable();
  table.apply({ ...snapshot, ingresses: ingresses.map((ingress) => recordOfIngress(ingress, [])) });
  return table;
}

/** What rules of Ingresses look at: the path without its query. */
export function rulePath({ path }: Question["address"]): string {
  return path.replace(/\?.*$/, "");
}
