/** Where a request from outside goes: an Ingress of our class says so, else the host itself. */
import { spaceInBaggage, withoutSpace } from "../../core/baggage.ts";
import { ROUTE_HEADER } from "../../core/contract.ts";
import { type Asked, destinedByIngress } from "../../core/from-outside.ts";
import { serviceKey } from "../../core/route-table.ts";
import type { Candidate, RouteTable } from "../../core/routing.ts";
import type { Answer } from "../http/answer.ts";
import type { Forward } from "../http/exchange.ts";
import type { LineEdit } from "../http/request-edit.ts";
import { authorityOf, type RequestHead } from "../http/request-head.ts";
import type { Target } from "../http/upstreams.ts";
import { decideByHost, forwardTo, NOT_READY } from "../routing/from-outside.ts";
import { unknownHost } from "./page.ts";

export interface Door {
  readonly table: RouteTable;
  /** With its leading dot. */
  readonly hostSuffix: string;
  readonly trustExternalHeader: boolean;
}

/** The connection that a request came by. */
export interface Arrival {
  readonly scheme: "http" | "https";
  /** The client's address. */
  readonly peer: string;
}

/** What only the gateway itself may say. The hop mark never passes from a client. */
const FORWARDED = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"];
const DROPPED: ReadonlySet<string> = new Set(FORWARDED);
const DROPPED_WITH_ROUTE: ReadonlySet<string> = new Set([...FORWARDED, ROUTE_HEADER]);
const DROPPED_WITH_BAGGAGE: ReadonlySet<string> = new Set([...FORWARDED, ROUTE_HEADER, "baggage"]);

export function decideFromOutside(door: Door, arrival: Arrival, head: RequestHead): Forward | Answer {
  const { table, hostSuffix, trustExternalHeader } = door;
  if (!table.ready) return NOT_READY;
  const baggage = head.fields.baggage ?? "";
  const header = trustExternalHeader ? (head.fields.routeAs ?? spaceInBaggage(baggage)) || undefined : undefined;
  const asked: Asked = { authority: authorityOf(head) ?? "", header };
  const decision =
    decideByIngress(door, asked, pathOf(head.target)) ?? decideByHost({ table, hostSuffix, targetOf }, asked);
  if (decision === undefined) {
    return unknownHost(door, { scheme: arrival.scheme, authority: asked.authority, html: head.fields.acceptsHtml });
  }
  return decision.kind === "answer" ? decision : { ...decision, lines: linesOf(arrival, asked, baggage) };
}

function decideByIngress({ table, hostSuffix }: Door, asked: Asked, path: string): Forward | Answer | undefined {
  const found = destinedByIngress(table, hostSuffix, { ...asked, path });
  if (found === undefined) return undefined;
  if (found.destined !== undefined) return forwardTo({ table, hostSuffix, targetOf }, found.destined);
  const name = serviceKey({ namespace: found.match.namespace, name: found.match.backend.service });
  return { kind: "answer", status: 503, text: `The Ingress names the Service \`${name}\`, which does not exist\n` };
}

/** What a client may not say in the header it may not say in its baggage either. */
function linesOf({ scheme, peer }: Arrival, { authority, header }: Asked, baggage: string): LineEdit {
  const add = `X-Forwarded-For: ${peer}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Host: ${authority}\r\n`;
  if (header !== undefined) return { drop: DROPPED, add };
  if (spaceInBaggage(baggage) === undefined) return { drop: DROPPED_WITH_ROUTE, add };
  const others = withoutSpace(baggage);
  const kept = others === "" ? "" : `Baggage: ${others}\r\n`;
  return { drop: DROPPED_WITH_BAGGAGE, add: `${add}${kept}` };
}

function targetOf({ address, port, service, dialMs }: Candidate): Target {
  return { address, port, mark: service, dialMs };
}

/** Of an origin-form or absolute-form target (RFC 9112 §3.2). */
function pathOf(target: string): string {
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(?<path>[^?#]*)/i.exec(target)?.groups?.["path"];
  return absolute ?? target.replace(/[?#].*$/, "");
}
