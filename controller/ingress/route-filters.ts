/**
 * Filters in the rules of a cloned HTTPRoute: what they say of hosts must lead to the child as the clone's own hosts do.
 * Pure.
 */
import { ROUTE_HEADER } from "../../core/contract.ts";
import { asArray, asString, at, isObject } from "../../core/parse.ts";

export interface ChildFilters {
  readonly child: string;
  /** The child's form of a host that the original's space answers for; `undefined` for every other. */
  readonly childOf: (host: string) => string | undefined;
}

/** A rule of HTTPRoute with the child in its filters and in those of its backends. */
export function childRouteRule(rule: unknown, of: ChildFilters): unknown {
  if (!isObject(rule)) return rule;
  const { backendRefs } = rule;
  const isSaid = saysSpace(rule);
  const whole = withFilters(rule, of, isSaid);
  if (!Array.isArray(backendRefs)) return whole;
  const backends = backendRefs.map((ref: unknown) =>
    isObject(ref) ? withFilters(ref, of, isSaid || saysSpace(ref)) : ref,
  );
  return { ...whole, backendRefs: backends };
}

type Holder = Readonly<Record<string, unknown>>;

/** @param isSaid the user has written which space the request gets */
function withFilters(holder: Holder, of: ChildFilters, isSaid: boolean): Holder {
  if (!Array.isArray(holder["filters"])) return holder;
  const filters = asArray(holder["filters"]).map((filter) => childFilter(filter, of));
  return { ...holder, filters: isSaid || !losesSpace(filters, of) ? filters : withHeader(filters, of.child) };
}

const HOST_FILTERS = ["requestRedirect", "urlRewrite"] as const;

function childFilter(filter: unknown, { childOf }: ChildFilters): unknown {
  if (!isObject(filter)) return filter;
  const changed = HOST_FILTERS.flatMap((key) => {
    const part = filter[key];
    const host = childOf(asString(at(part, "hostname")) ?? "");
    return host === undefined || !isObject(part) ? [] : [[key, { ...part, hostname: host }] as const];
  });
  return { ...filter, ...Object.fromEntries(changed) };
}

/** A filter of the user says itself which space the request gets. */
function saysSpace(holder: Holder): boolean {
  return asArray(holder["filters"]).some((filter) => {
    const change = at(filter, "requestHeaderModifier");
    const named = [...asArray(at(change, "set")), ...asArray(at(change, "add"))].map((field) => at(field, "name"));
    return [...named, ...asArray(at(change, "remove"))].some((name) => asString(name)?.toLowerCase() === ROUTE_HEADER);
  });
}

/** By the host that is rewritten nobody behind it could tell the child. */
function losesSpace(filters: readonly unknown[], { child }: ChildFilters): boolean {
  return filters.some((filter) => {
    const host = asString(at(filter, "urlRewrite", "hostname"));
    return host !== undefined && !host.startsWith(`${child}.s.`);
  });
}

/** Added and not set: a client's own header comes first, and counts as it does everywhere. One filter of this type may stand in a list. */
function withHeader(filters: readonly unknown[], child: string): readonly unknown[] {
  const header = { name: ROUTE_HEADER, value: child };
  const type = "RequestHeaderModifier";
  const has = filters.some((filter) => at(filter, "type") === type);
  if (!has) return [...filters, { type, requestHeaderModifier: { add: [header] } }];
  return filters.map((filter) => {
    const change = at(filter, "requestHeaderModifier");
    if (!isObject(filter) || !isObject(change)) return filter;
    return { ...filter, requestHeaderModifier: { ...change, add: [...asArray(change["add"]), header] } };
  });
}
