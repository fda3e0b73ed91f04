/** What filters of an HTTPRoute make of a request on its way to the Service (gateway.networking.k8s.io/v1, HTTPRouteFilter). Pure. */
import { ROUTE_HEADER } from "../../core/contract.ts";
import { portOf, withoutPort } from "../../core/host-name.ts";
import { asArray, asNumber, asString, at } from "../../core/parse.ts";
import type { Step } from "./explanation.ts";

export type HttpFilter =
  | HeaderFilter
  | { readonly kind: "rewrite"; readonly hostname: string | undefined; readonly path: PathChange | undefined }
  | RedirectFilter
  | UnknownFilter;

interface HeaderFilter {
  readonly kind: "headers";
  readonly set: readonly Field[];
  readonly add: readonly Field[];
  /** Lower case. */
  readonly remove: readonly string[];
}

interface Field {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}

interface PathChange {
  readonly replaces: "path" | "prefix";
  readonly value: string;
}

interface RedirectFilter {
  readonly kind: "redirect";
  readonly scheme: string | undefined;
  readonly hostname: string | undefined;
  readonly port: number | undefined;
  readonly path: PathChange | undefined;
  readonly status: number;
}

const UNKNOWN = "it is not looked into: what follows is wrong where it changes host or headers, or answers itself";

/** Some can be known to nobody but their Gateway. */
interface UnknownFilter {
  readonly kind: "unknown";
  readonly name: string;
  readonly why: string;
}

/** Those that change nothing of the request are left out. */
export function parseFilters(filters: unknown): readonly HttpFilter[] {
  return asArray(filters).flatMap((filter) => parseFilter(filter) ?? []);
}

function parseFilter(filter: unknown): HttpFilter | undefined {
  const type = asString(at(filter, "type")) ?? "";
  switch (type) {
    case "ResponseHeaderModifier":
      return undefined;
    case "RequestHeaderModifier":
      return parseHeaders(at(filter, "requestHeaderModifier"));
    case "URLRewrite": {
      const rewrite = at(filter, "urlRewrite");
      return { kind: "rewrite", hostname: asString(at(rewrite, "hostname")), path: parsePath(at(rewrite, "path")) };
    }
    case "RequestRedirect":
      return parseRedirect(at(filter, "requestRedirect"));
    case "ExtensionRef": {
      const of = ["group", "kind", "name"].map((key) => asString(at(filter, "extensionRef", key)) ?? "");
      return { kind: "unknown", name: `${type} ${of.join("/")}`, why: UNKNOWN };
    }
    case "RequestMirror":
      return { kind: "unknown", name: type, why: "the copies that it sends elsewhere are not looked into" };
    default:
      return { kind: "unknown", name: type, why: UNKNOWN };
  }
}

function parseHeaders(change: unknown): HttpFilter {
  const fields = (key: string): readonly Field[] =>
    asArray(at(change, key)).map((field) => ({
      name: (asString(at(field, "name")) ?? "").toLowerCase(),
      value: asString(at(field, "value")) ?? "",
    }));
  const remove = asArray(at(change, "remove")).flatMap((name) => asString(name)?.toLowerCase() ?? []);
  return { kind: "headers", set: fields("set"), add: fields("add"), remove };
}

function parseRedirect(redirect: unknown): HttpFilter {
  return {
    kind: "redirect",
    scheme: asString(at(redirect, "scheme")),
    hostname: asString(at(redirect, "hostname")),
    port: asNumber(at(redirect, "port")),
    path: parsePath(at(redirect, "path")),
    status: asNumber(at(redirect, "statusCode")) ?? 302,
  };
}

function parsePath(path: unknown): PathChange | undefined {
  const prefix = asString(at(path, "replacePrefixMatch"));
  if (prefix !== undefined) return { replaces: "prefix", value: prefix };
  const full = asString(at(path, "replaceFullPath"));
  return full === undefined ? undefined : { replaces: "path", value: full };
}

/** A request as it passes the filters. */
export interface Passing {
  readonly scheme: string;
  /** `host[:port]` */
  readonly authority: string;
  /** With its query. */
  readonly path: string;
  /** Names in lower case. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface Filtered extends Passing {
  readonly steps: readonly Step[];
  /** The Gateway answers so itself. */
  readonly redirect: { readonly status: number; readonly location: string } | undefined;
}

interface Placed {
  readonly filter: HttpFilter;
  /** What it stands at, for people. */
  readonly at: string;
}

/**
 * @param filters in their order
 * @param prefix of the path that the rule has met; `undefined` where it went by something else
 */
export function applyFilters(filters: readonly Placed[], request: Passing, prefix: string | undefined): Filtered {
  const steps: Step[] = [];
  const change = (passing: Omit<Filtered, "steps">, { filter, at: place }: Placed): Omit<Filtered, "steps"> => {
    if (passing.redirect !== undefined) return passing;
    const { what, ...changed } = applyOne(filter, passing, prefix);
    const why = filter.kind === "unknown" ? filter.why : `${NAMES[filter.kind]} of ${place} says so`;
    steps.push({ step: "filter", what, why });
    return { ...passing, ...changed };
  };
  return { ...filters.reduce(change, { ...request, redirect: undefined }), steps };
}

const NAMES = { headers: "RequestHeaderModifier", rewrite: "URLRewrite", redirect: "RequestRedirect" } as const;

type Change = Partial<Omit<Filtered, "steps">> & { readonly what: string };

function applyOne(filter: HttpFilter, request: Passing, prefix: string | undefined): Change {
  switch (filter.kind) {
    case "headers":
      return { what: headersText(filter), fields: changedFields(filter, request.fields) };
    case "rewrite": {
      const authority = filter.hostname ?? request.authority;
      const path = changedPath(request.path, filter.path, prefix);
      const host = filter.hostname === undefined ? [] : [`host \`${authority}\``];
      const what = [...host, ...(filter.path === undefined ? [] : [`path \`${path}\``])].join(", ");
      return { what, authority, path };
    }
    case "redirect": {
      const { status } = filter;
      const location = locationOf(filter, request, prefix);
      return { what: `${status} to \`${location}\``, redirect: { status, location } };
    }
    case "unknown":
      return { what: filter.name };
  }
}

/** Values of fields that decide nothing are not repeated: they may be secret. */
function headersText({ set, add, remove }: HeaderFilter): string {
  return [
    ...set.map((field) => `sets ${fieldText(field)}`),
    ...add.map((field) => `adds ${fieldText(field)}`),
    ...remove.map((name) => `removes \`${name}\``),
  ].join(", ");
}

function fieldText({ name, value }: Field): string {
  return name === ROUTE_HEADER || name === "baggage" ? `\`${name}: ${value}\`` : `\`${name}\``;
}

function changedFields({ set, add, remove }: HeaderFilter, fields: Passing["fields"]): Passing["fields"] {
  const changed = new Map(Object.entries(fields).filter(([name]) => !remove.includes(name)));
  for (const { name, value } of set) changed.set(name, value);
  for (const { name, value } of add) {
    const before = changed.get(name);
    // Sidecars go by the first line of the route header; lines of any other are one list (RFC 9110 §5.3).
    if (before === undefined) changed.set(name, value);
    else if (name !== ROUTE_HEADER) changed.set(name, `${before},${value}`);
  }
  return Object.fromEntries(changed);
}

/** The cases of HTTPPathModifier's table. */
function changedPath(path: string, change: PathChange | undefined, prefix: string | undefined): string {
  if (change === undefined) return path;
  const asked = path.replace(/\?.*$/, "");
  const query = path.slice(asked.length);
  if (change.replaces === "path") return `${change.value}${query}`;
  // Only a prefix that was met can be replaced.
  if (prefix === undefined) return path;
  const replaced = `${withoutSlash(change.value)}${asked.slice(withoutSlash(prefix).length)}`;
  return `${replaced || "/"}${query}`;
}

function withoutSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

const PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** A scheme that is named brings its own port; without one, that of the listener stays. */
function locationOf(filter: RedirectFilter, { scheme, authority, path }: Passing, prefix: string | undefined): string {
  const to = filter.scheme ?? scheme;
  const port = filter.port ?? (filter.scheme === undefined ? portOf(authority) : undefined);
  const host = filter.hostname ?? withoutPort(authority);
  const shown = port === undefined || port === PORTS[to] ? "" : `:${port}`;
  return `${to}://${host}${shown}${changedPath(path, filter.path, prefix)}`;
}
