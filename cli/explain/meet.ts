/** Which rule of an Ingress or HTTPRoute of the user's own a request meets, and what it makes of it. Pure. */
import { CLONE_OF_ANNOTATION, ROUTE_HEADER } from "../../core/contract.ts";
import { matchIngress } from "../../core/ingress-match.ts";
import type { IngressBackend } from "../../core/route-table.ts";
import type { Entry, Step } from "./explanation.ts";
import { applyFilters, type Filtered, type HttpFilter } from "./http-filter.ts";
import { type HttpMatch, type HttpRoute, matchHttpRoute, type RouteMatch, routeOfHost } from "./http-route.ts";
import { rulePath, tableWithIngresses } from "./ingress-table.ts";
import type { Question } from "./question.ts";

/** The rule that its controller follows. */
export interface Met {
  readonly entry: Extract<Entry, "ingress" | "http-route">;
  readonly steps: readonly Step[];
  /** The last step where the request reaches no Service. */
  readonly to: Step | (IngressBackend & { readonly namespace: string });
  readonly sent: Sent;
}

/** What decides of the request, as the pods of the Service get it. */
interface Sent {
  readonly authority: string;
  /** Values of the route header and of `baggage`. */
  readonly header: string | undefined;
  readonly baggage: string | undefined;
}

/** Clones for children stand beside their originals, so a host counts as it is written. */
export function meetIngress(question: Question): Met | undefined {
  const { address, gateway, facts, header, baggage } = question;
  const table = tableWithIngresses(question, ({ ours }) => !ours);
  if (table === undefined) return undefined;
  const { hostSuffix } = gateway;
  const match = matchIngress(table, { host: address.host, path: rulePath(address), hostSuffix });
  if (match === undefined || match.child !== undefined) return undefined;
  const { namespace, name, backend } = match;
  const ingress = facts.get(namespace)?.ingresses.find((each) => each.name === name);
  const why = `it has this host and path, for the Service \`${backend.service}\`; its controller is your own${cloneText(ingress)}`;
  return {
    entry: "ingress",
    steps: [{ step: "entry", what: `Ingress ${namespace}/${name}`, why }],
    to: { ...backend, namespace },
    sent: { authority: address.authority, header, baggage },
  };
}

/** By the first of its Services by weight. */
export function meetHttpRoute({ address, method, fields, facts }: Question): Met | undefined {
  const routes = [...facts.values()].flatMap(({ httpRoutes }) => httpRoutes);
  const found = matchHttpRoute(routes, { host: address.host, path: address.path, method, fields });
  if (found === undefined) return meetNoRule(routes, address);
  const { route, rule, match } = found;
  const filtered = applyFilters(filtersOf(rule), { ...address, fields }, prefixOf(match));
  const why = `it has this ${criteriaText(match)}, for ${leadsText(found, filtered)}; its Gateway is your own${cloneText(route)}`;
  const entry: Step = { step: "entry", what: `HTTPRoute ${route.namespace}/${route.name}`, why };
  const { [ROUTE_HEADER]: header, baggage } = filtered.fields;
  return {
    entry: "http-route",
    steps: [entry, ...filtered.steps],
    to: redirectStep(filtered) ?? rule.backends[0] ?? { step: "answer", what: "nobody", why },
    sent: { authority: filtered.authority, header: header?.toLowerCase(), baggage },
  };
}

/** Its Gateway answers for a host that is named, though no rule wants the request. */
function meetNoRule(routes: readonly HttpRoute[], { host, authority }: Question["address"]): Met | undefined {
  const route = routeOfHost(routes, host);
  if (route === undefined) return undefined;
  const why = "no rule for this host has this path, method, headers and query";
  return {
    entry: "http-route",
    steps: [{ step: "entry", what: `HTTPRoute ${route.namespace}/${route.name}`, why: "it has this host" }],
    to: { step: "answer", what: "404", why },
    sent: { authority, header: undefined, baggage: undefined },
  };
}

/** What the rule went by. */
function criteriaText({ method, headers, query }: HttpMatch): string {
  const criteria = [
    "host",
    "path",
    ...(method === undefined ? [] : ["method"]),
    ...headers.map(({ name }) => `header \`${name}\``),
    ...query.map(({ name }) => `query \`${name}\``),
  ];
  return `${criteria.slice(0, -1).join(", ")} and ${criteria.at(-1) ?? ""}`;
}

/** Those of the backend are met by what reaches it. */
function filtersOf({ filters, backends }: RouteMatch["rule"]): readonly { filter: HttpFilter; at: string }[] {
  const [backend] = backends;
  return [
    ...filters.map((filter) => ({ filter, at: "the rule" })),
    ...(backend?.filters ?? []).map((filter) => ({ filter, at: `its backend \`${backend?.service ?? ""}\`` })),
  ];
}

function prefixOf({ kind, path }: HttpMatch): string | undefined {
  return kind === "PathPrefix" ? path : undefined;
}

function leadsText({ rule: { backends } }: RouteMatch, { redirect }: Filtered): string {
  const [backend] = backends;
  if (redirect !== undefined) return "a rule that redirects the client";
  if (backend === undefined) return "a rule without any Service";
  const others = backends.length > 1 ? `, the first of ${backends.length} by weight` : "";
  return `the Service \`${backend.service}\`${others}`;
}

function redirectStep({ redirect }: Filtered): Step | undefined {
  if (redirect === undefined) return undefined;
  const { status, location } = redirect;
  const why = `its Gateway redirects the client: \`azds route explain ${location}\` says what comes then`;
  return { step: "answer", what: `${status} to \`${location}\``, why };
}

function cloneText(object: { readonly annotations: Readonly<Record<string, string>> } | undefined): string {
  const original = object?.annotations[CLONE_OF_ANNOTATION];
  return original === undefined ? "" : `, made by azds from \`${original}\` for a child`;
}
