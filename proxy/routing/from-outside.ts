/** What is done with a request from outside whose service is known. The same at the enter port and at the gateway. */
import { type Asked, type Destined, destinedByHost, routeFromOutside } from "../../core/from-outside.ts";
import { serviceKey } from "../../core/route-table.ts";
import { type Candidate, dialsOf, type RouteTable } from "../../core/routing.ts";
import type { Answer } from "../http/answer.ts";
import type { Forward } from "../http/exchange.ts";
import type { Target } from "../http/upstreams.ts";

export interface Entry {
  readonly table: RouteTable;
  /** With its leading dot. */
  readonly hostSuffix: string;
  readonly targetOf: (candidate: Candidate) => Target;
}

export const NOT_READY: Answer = { kind: "answer", status: 503, text: "The routes of this space are not known yet\n" };

/** `undefined`: the host names no space or no service of the table. */
export function decideByHost(entry: Entry, asked: Asked): Forward | Answer | undefined {
  const destined = destinedByHost(entry.table, entry.hostSuffix, asked);
  return destined === undefined ? undefined : forwardTo(entry, destined);
}

export function forwardTo({ table, targetOf }: Entry, destined: Destined): Forward | Answer {
  const route = routeFromOutside(table, destined, { pick: anyOf });
  if (route === undefined) {
    return { kind: "answer", status: 503, text: `Service \`${serviceKey(destined.service)}\` has no ready pod\n` };
  }
  return { kind: "forward", targets: route.candidates.flatMap(dialsOf).map(targetOf), routeAs: destined.routeAs };
}

/** Any of the `count` endpoints of a headless Service. */
export function anyOf(count: number): number {
  return Math.floor(Math.random() * count);
}
