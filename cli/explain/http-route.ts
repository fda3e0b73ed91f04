/** HTTPRoutes (gateway.networking.k8s.io/v1), and which rule of which one a request from outside meets. Pure. */
import { asArray, asNumber, asString, asStringRecord, at } from "../../core/parse.ts";
import { hostPatternRank } from "./host-pattern.ts";
import { type HttpFilter, parseFilters } from "./http-filter.ts";

export interface HttpRoute {
  readonly namespace: string;
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339; older routes go before younger ones. */
  readonly created: string;
  /** Lower case; none: all hosts of its Gateway. */
  readonly hostnames: readonly string[];
  /** Without Services, which are parents in a mesh. */
  readonly parents: readonly ParentRef[];
  readonly rules: readonly HttpRule[];
}

/** Who is to serve a route. */
export interface ParentRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Of the one listener that is meant. */
  readonly sectionName: string | undefined;
  readonly port: number | undefined;
}

export interface HttpRule {
  /** One of them has to be met. */
  readonly matches: readonly HttpMatch[];
  /** Services that it may choose, the heaviest first. */
  readonly backends: readonly HttpBackend[];
  readonly filters: readonly HttpFilter[];
}

export interface HttpBackend {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  /** Those of the rule come before. */
  readonly filters: readonly HttpFilter[];
}

type PathKind = "Exact" | "PathPrefix" | "RegularExpression";

export interface HttpMatch {
  readonly kind: PathKind;
  readonly path: string;
  readonly method: string | undefined;
  readonly headers: readonly ValueMatch[];
  readonly query: readonly ValueMatch[];
}

interface ValueMatch {
  /** Of headers in lower case. */
  readonly name: string;
  readonly value: string;
  readonly isPattern: boolean;
}

/** `undefined` for one that is being deleted, or that no Gateway serves. */
export function parseHttpRoute(object: unknown): HttpRoute | undefined {
  const metadata = at(object, "metadata");
  const namespace = asString(at(metadata, "namespace"));
  const name = asString(at(metadata, "name"));
  if (namespace === undefined || name === undefined || at(metadata, "deletionTimestamp") !== undefined)
    return undefined;
  const spec = at(object, "spec");
  const refs = asArray(at(spec, "parentRefs")).map((parent) => parseParent(parent, namespace));
  // A route of a mesh names Services as its parents, and is about what pods ask each other.
  const parents = refs.filter(({ kind }) => kind !== "Service");
  if (parents.length < refs.length && parents.length === 0) return undefined;
  return {
    namespace,
    name,
    annotations: asStringRecord(at(metadata, "annotations")),
    created: asString(at(metadata, "creationTimestamp")) ?? "",
    hostnames: asArray(at(spec, "hostnames")).flatMap((host) => asString(host)?.toLowerCase() ?? []),
    parents,
    rules: asArray(at(spec, "rules")).map((rule) => parseRule(rule, namespace)),
  };
}

function parseParent(parent: unknown, own: string): ParentRef {
  return {
    kind: asString(at(parent, "kind")) ?? "Gateway",
    namespace: asString(at(parent, "namespace")) ?? own,
    name: asString(at(parent, "name")) ?? "",
    sectionName: asString(at(parent, "sectionName")),
    port: asNumber(at(parent, "port")),
  };
}

function parseRule(rule: unknown, namespace: string): HttpRule {
  const matches = asArray(at(rule, "matches")).map(parseMatch);
  return {
    matches: matches.length === 0 ? [parseMatch({})] : matches,
    backends: asArray(at(rule, "backendRefs"))
      .map((ref) => ({ ref, weight: asNumber(at(ref, "weight")) ?? 1 }))
      .filter(({ ref, weight }) => weight > 0 && (asString(at(ref, "kind")) ?? "Service") === "Service")
      .toSorted((a, b) => b.weight - a.weight)
      .flatMap(({ ref }) => parseBackend(ref, namespace) ?? []),
    filters: parseFilters(at(rule, "filters")),
  };
}

function parseBackend(ref: unknown, own: string): HttpBackend | undefined {
  const service = asString(at(ref, "name"));
  const port = asNumber(at(ref, "port"));
  const namespace = asString(at(ref, "namespace")) ?? own;
  if (service === undefined || port === undefined) return undefined;
  return { namespace, service, port, filters: parseFilters(at(ref, "filters")) };
}

function parseMatch(match: unknown): HttpMatch {
  const kind = asString(at(match, "path", "type"));
  return {
    kind: kind === "Exact" || kind === "RegularExpression" ? kind : "PathPrefix",
    path: asString(at(match, "path", "value")) ?? "/",
    method: asString(at(match, "method")),
    headers: asArray(at(match, "headers")).map((entry) => parseValue(entry, nameOf(entry).toLowerCase())),
    query: asArray(at(match, "queryParams")).map((entry) => parseValue(entry, nameOf(entry))),
  };
}

function nameOf(entry: unknown): string {
  return asString(at(entry, "name")) ?? "";
}

function parseValue(entry: unknown, name: string): ValueMatch {
  const isPattern = asString(at(entry, "type")) === "RegularExpression";
  return { name, value: asString(at(entry, "value")) ?? "", isPattern };
}

export interface HttpRequest {
  /** Lower case, without port. */
  readonly host: string;
  /** With its query. */
  readonly path: string;
  readonly method: string;
  /** Names in lower case. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface RouteMatch {
  readonly route: HttpRoute;
  readonly rule: HttpRule;
  /** The one of the rule that was met. */
  readonly match: HttpMatch;
}

interface Candidate extends RouteMatch {
  readonly host: number;
  /** Of the rule within its route. */
  readonly index: number;
}

export function matchHttpRoute(routes: readonly HttpRoute[], request: HttpRequest): RouteMatch | undefined {
  const candidates = routes.flatMap((route) => {
    const host = hostRank(route, request.host);
    if (host === undefined) return [];
    return route.rules.flatMap((rule, index) =>
      rule.matches.filter((match) => meets(match, request)).map((match) => ({ route, rule, match, host, index })),
    );
  });
  return candidates.toSorted(compare)[0];
}

/** A route that names the host, or a wildcard for it, whatever its rules ask for. */
export function routeOfHost(routes: readonly HttpRoute[], host: string): HttpRoute | undefined {
  return routes.find((route) => (hostRank(route, host) ?? 0) > 0);
}

/** Higher is nearer; `undefined`: it is not about this host. */
export function hostRank({ hostnames }: HttpRoute, host: string): number | undefined {
  if (hostnames.length === 0) return 0;
  const ranks = hostnames.flatMap((pattern) => hostPatternRank(pattern, host) ?? []);
  return ranks.length === 0 ? undefined : Math.max(...ranks);
}

function meets({ kind, path, method, headers, query }: HttpMatch, request: HttpRequest): boolean {
  const [asked = "", search = ""] = request.path.split("?");
  const params = new URLSearchParams(search);
  return (
    meetsPath(kind, path, asked) &&
    (method === undefined || method === request.method) &&
    headers.every((each) => meetsValue(each, request.fields[each.name])) &&
    query.every((each) => meetsValue(each, params.get(each.name) ?? undefined))
  );
}

function meetsPath(kind: PathKind, path: string, asked: string): boolean {
  if (kind === "Exact") return path === asked;
  if (kind === "RegularExpression") return fits(path, asked);
  // Whole elements are compared.
  const prefix = path.endsWith("/") ? path.slice(0, -1) : path;
  return asked === prefix || asked.startsWith(`${prefix}/`);
}

function meetsValue({ value, isPattern }: ValueMatch, found: string | undefined): boolean {
  return found !== undefined && (isPattern ? fits(value, found) : value === found);
}

/** Each implementation has its own kind of pattern; one that cannot be read is met by nothing. */
function fits(pattern: string, text: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`).test(text);
  } catch {
    return false;
  }
}

const PATH_ORDER: readonly PathKind[] = ["Exact", "PathPrefix", "RegularExpression"];

/** The order that HTTPRouteRule prescribes. */
function compare(a: Candidate, b: Candidate): number {
  return (
    b.host - a.host ||
    PATH_ORDER.indexOf(a.match.kind) - PATH_ORDER.indexOf(b.match.kind) ||
    b.match.path.length - a.match.path.length ||
    Number(b.match.method !== undefined) - Number(a.match.method !== undefined) ||
    b.match.headers.length - a.match.headers.length ||
    b.match.query.length - a.match.query.length ||
    order(a.route.created, b.route.created) ||
    order(keyOf(a.route), keyOf(b.route)) ||
    a.index - b.index
  );
}

function order(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function keyOf({ namespace, name }: HttpRoute): string {
  return `${namespace}/${name}`;
}
