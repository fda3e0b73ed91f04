/** Which rule of an HTTPRoute of the user's own a request meets, by which listener, and what it makes of it. Pure. */
import { ROUTE_HEADER } from "../../core/contract.ts";
import { type Admission, admissions } from "./admission.ts";
import type { Step } from "./explanation.ts";
import { applyFilters, type Filtered, type HttpFilter } from "./http-filter.ts";
import {
  hostRank,
  type HttpMatch,
  type HttpRoute,
  matchHttpRoute,
  type RouteMatch,
  routeOfHost,
} from "./http-route.ts";
import { cloneText, type Met } from "./meet.ts";
import type { Question } from "./question.ts";

/** By the first of its Services by weight. */
export function meetHttpRoute({ address, method, fields, facts }: Question): Met | undefined {
  const routes = [...facts.values()].flatMap(({ httpRoutes, gateways, labels }) =>
    httpRoutes.map((route) => ({ route, gateways, labels })),
  );
  const named = routes.filter(({ route }) => hostRank(route, address.host) !== undefined);
  const admitted = admissions(named, address);
  const served = admitted.filter(({ isServed }) => isServed).map(({ route }) => route);
  const found = matchHttpRoute(served, { host: address.host, path: address.path, method, fields });
  if (found === undefined) return meetNoRule(admitted, address) ?? meetNoListener(admitted, address);
  const { route, rule, match } = found;
  const filtered = applyFilters(filtersOf(rule), { ...address, fields }, prefixOf(match));
  const why = `it has this ${criteriaText(match)}, for ${leadsText(found, filtered)}; its Gateway is your own${cloneText(route)}`;
  const { [ROUTE_HEADER]: header, baggage } = filtered.fields;
  return {
    entry: "http-route",
    steps: [entryStep(route, why), ...listenerSteps(admitted, route), ...filtered.steps],
    to: redirectStep(filtered) ?? rule.backends[0] ?? { step: "answer", what: "nobody", why },
    sent: { authority: filtered.authority, header: header?.toLowerCase(), baggage },
  };
}

/** Its Gateway answers for a host that is named, though no rule wants the request. */
function meetNoRule(admitted: readonly Admission[], address: Question["address"]): Met | undefined {
  const why = "no rule for this host has this path, method, headers and query";
  const served = admitted.filter(({ isServed }) => isServed);
  return meetEnd(served, { address, to: { step: "answer", what: "404", why } });
}

/** What its Gateway, if there is one, says of the host is not the HTTPRoute's. */
function meetNoListener(admitted: readonly Admission[], address: Question["address"]): Met | undefined {
  const why = "no listener of a Gateway takes this host for the HTTPRoute";
  return meetEnd(admitted, { address, to: { step: "answer", what: "nobody", why } });
}

/** Of the first that names the host. */
function meetEnd(
  admitted: readonly Admission[],
  { address: { host, authority }, to }: { readonly address: Question["address"]; readonly to: Step },
): Met | undefined {
  const routes = admitted.map(({ route }) => route);
  const route = routeOfHost(routes, host);
  if (route === undefined) return undefined;
  return {
    entry: "http-route",
    steps: [entryStep(route, `it has this host${cloneText(route)}`), ...listenerSteps(admitted, route)],
    to,
    sent: { authority, header: undefined, baggage: undefined },
  };
}

function entryStep({ namespace, name }: HttpRoute, why: string): Step {
  return { step: "entry", what: `HTTPRoute ${namespace}/${name}`, why };
}

function listenerSteps(admitted: readonly Admission[], route: HttpRoute): readonly Step[] {
  return admitted.find((each) => each.route === route)?.steps ?? [];
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
