/**
 * The user's own ingress controller knows the hosts of Ingresses and HTTPRoutes alone. For each that stands in a space
 * and has a host of the space's form, every space below it gets a clone with `<child>.s.` before the host, so that the
 * child's URL reaches the same Service; which pod answers, its sidecar decides by the host. Pure.
 */
import { createHash } from "node:crypto";
import { CLONE_DIGEST_ANNOTATION, CLONE_OF_ANNOTATION } from "../../core/contract.ts";
import { asArray, asString, at, isObject } from "../../core/parse.ts";
import { CONTROLLER_LABELS } from "../labels.ts";
import { childRouteRule } from "./route-filters.ts";

/** Object names are DNS subdomains (RFC 1123) of at most this many characters. */
const NAME_CHARS_MAX = 253;
const HASH_CHARS = 8;
/** A host name has at most this many characters (RFC 1035 §2.3.4). */
const HOST_CHARS_MAX = 253;
/** Solvers of ACME challenges come and go by themselves, and answer for one host only. */
const ACME_PATH = "/.well-known/acme-challenge";
/** Annotations that say something of one object alone, or must not be copied: two clones would fight. */
const DROPPED_ANNOTATIONS: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "meta.helm.sh/release-name",
  "meta.helm.sh/release-namespace",
]);

export type CloneKind = "Ingress" | "HTTPRoute";

export interface Original {
  readonly kind: CloneKind;
  readonly apiVersion: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Stands beside its original: only there do the names of Services and Secrets mean the same. */
export interface Clone {
  readonly kind: CloneKind;
  readonly namespace: string;
  readonly name: string;
  readonly digest: string;
}

export interface WantedClone extends Clone {
  /** For server-side apply. */
  readonly object: Readonly<Record<string, unknown>>;
}

export interface ClonePlan {
  readonly write: readonly WantedClone[];
  readonly remove: readonly Clone[];
}

/**
 * What stands already wins: a host and path that a child's own object names gets no clone, and of two ancestors the
 * nearer is cloned. Some ingress controllers refuse a second object for one host and path.
 *
 * @param heirs per space those that inherit from it, at any depth; absent for what is no space
 */
export function wantedClones(
  originals: readonly Original[],
  heirs: ReadonlyMap<string, readonly string[]>,
): readonly WantedClone[] {
  const depth = (space: string): number => [...heirs.values()].filter((below) => below.includes(space)).length;
  const claims: Claims = new Map();
  for (const original of originals) {
    for (const address of addressesOf(original)) claims.set(address, original.namespace);
  }
  const owned = new Set(originals.flatMap(ownHosts));
  return originals
    .toSorted((a, b) => depth(b.namespace) - depth(a.namespace) || (keyOf(a) < keyOf(b) ? -1 : 1))
    .flatMap((original) =>
      (heirs.get(original.namespace) ?? []).flatMap((child) => cloneFor(original, { child, claims, owned }) ?? []),
    );
}

/** `<kind> <host><path>` → the space whose object answers there. */
type Claims = Map<string, string>;

/** False when an object of another space has it already. */
function claim(claims: Claims, address: string, space: string): boolean {
  const holder = claims.get(address) ?? space;
  if (holder !== space) return false;
  claims.set(address, space);
  return true;
}

function addressesOf({ kind, spec }: Original): readonly string[] {
  if (kind === "HTTPRoute") return asArray(spec["hostnames"]).map((host) => `${kind} ${asString(host) ?? ""}`);
  return asArray(spec["rules"]).flatMap((rule) => pathsOf(rule).map((entry) => addressOf(rule, entry)));
}

/** `<space> <host>` of all that it answers for. */
function ownHosts({ namespace, spec }: Original): readonly string[] {
  const hosts = [...asArray(spec["hostnames"]), ...asArray(spec["rules"]).map((rule) => at(rule, "host"))];
  return hosts.flatMap((host) => (asString(host) === undefined ? [] : [`${namespace} ${String(host)}`]));
}

function addressOf(rule: unknown, entry: unknown): string {
  return `Ingress ${asString(at(rule, "host")) ?? ""}${asString(at(entry, "path")) ?? "/"}`;
}

function pathsOf(rule: unknown): readonly unknown[] {
  return asArray(at(rule, "http", "paths"));
}

/** @param found clones of ours in the cluster */
export function planClones(wanted: readonly WantedClone[], found: readonly Clone[]): ClonePlan {
  const there = new Map(found.map((clone) => [keyOf(clone), clone.digest]));
  const kept = new Set(wanted.map(keyOf));
  return {
    write: wanted.filter((clone) => there.get(keyOf(clone)) !== clone.digest),
    remove: found.filter((clone) => !kept.has(keyOf(clone))),
  };
}

/** `undefined` for an object that is no clone. */
export function cloneOfObject(kind: CloneKind, object: unknown): Clone | undefined {
  const metadata = at(object, "metadata");
  const namespace = asString(at(metadata, "namespace"));
  const name = asString(at(metadata, "name"));
  if (at(metadata, "annotations", CLONE_OF_ANNOTATION) === undefined) return undefined;
  if (namespace === undefined || name === undefined) return undefined;
  return { kind, namespace, name, digest: asString(at(metadata, "annotations", CLONE_DIGEST_ANNOTATION)) ?? "" };
}

/** `undefined` where the original has no host that a child's could be told from. */
function cloneFor(original: Original, heir: Omit<Hosts, "space">): WantedClone | undefined {
  const { child } = heir;
  const hosts: Hosts = { ...heir, space: original.namespace };
  const spec = original.kind === "Ingress" ? ingressSpec(original, hosts) : routeSpec(original, hosts);
  if (spec === undefined) return undefined;
  const { kind, apiVersion, namespace, uid } = original;
  const name = cloneName(original.name, child);
  const kept = Object.entries(original.annotations).filter(([key]) => !DROPPED_ANNOTATIONS.has(key));
  const annotations = { ...Object.fromEntries(kept), [CLONE_OF_ANNOTATION]: `${namespace}/${original.name}` };
  const ownerReferences = [{ apiVersion, kind, name: original.name, uid }];
  const labels = CONTROLLER_LABELS;
  const content = { apiVersion, kind, metadata: { name, namespace, labels, annotations, ownerReferences }, spec };
  const digest = createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 16);
  const metadata = { ...content.metadata, annotations: { ...annotations, [CLONE_DIGEST_ANNOTATION]: digest } };
  return { kind, namespace, name, digest, object: { ...content, metadata } };
}

interface Hosts {
  /** The space that the original stands in. */
  readonly space: string;
  readonly child: string;
  readonly claims: Claims;
  /** `<space> <host>` of all originals. */
  readonly owned: ReadonlySet<string>;
}

/**
 * The child's form of a host `<root>.<service>…` of a root, or `<space>.s.<root>.<service>…` of a space below one;
 * `undefined` for every other host, wildcards among them.
 */
export function childHost(host: string, { space, child }: Pick<Hosts, "space" | "child">): string | undefined {
  const own = `${space}.s.`;
  const rest = host.startsWith(own) ? host.slice(own.length) : host.startsWith(`${space}.`) ? host : undefined;
  if (rest === undefined) return undefined;
  const prefixed = `${child}.s.${rest}`;
  return prefixed.length > HOST_CHARS_MAX ? undefined : prefixed;
}

function ingressSpec(original: Original, hosts: Hosts): Readonly<Record<string, unknown>> | undefined {
  const { spec } = original;
  const rules = asArray(spec["rules"]).flatMap((rule) => childRule(rule, hosts) ?? []);
  if (rules.length === 0) return undefined;
  const tls = asArray(spec["tls"]).flatMap((section) => tlsSection(original, section, hosts));
  // The default backend answers for whatever no rule names, and does so already.
  const { defaultBackend: _default, tls: _tls, ...rest } = spec;
  return { ...rest, rules, ...(tls.length === 0 ? {} : { tls }) };
}

function childRule(rule: unknown, hosts: Hosts): Readonly<Record<string, unknown>> | undefined {
  const host = childHost(asString(at(rule, "host")) ?? "", hosts);
  if (host === undefined || !isObject(rule) || isChallenge(rule)) return undefined;
  const paths = pathsOf(rule).filter((entry) => claim(hosts.claims, addressOf({ host }, entry), hosts.space));
  return paths.length === 0 ? undefined : { ...rule, host, http: { paths } };
}

function isChallenge(rule: unknown): boolean {
  return asArray(at(rule, "http", "paths")).some(
    (entry) => asString(at(entry, "path"))?.startsWith(ACME_PATH) === true,
  );
}

/**
 * The Secret stays that of the original, whose certificate may well be a wildcard's. Where cert-manager makes
 * certificates, a Secret of its own: two Ingresses that name one for different hosts would overwrite it in turns.
 */
function tlsSection(original: Original, section: unknown, hosts: Hosts): readonly Readonly<Record<string, unknown>>[] {
  const named = asArray(at(section, "hosts")).flatMap((host) => childHost(asString(host) ?? "", hosts) ?? []);
  if (named.length === 0 || !isObject(section)) return [];
  const secret = asString(section["secretName"]);
  const isIssued = Object.keys(original.annotations).some((key) => key.startsWith("cert-manager.io/"));
  const own = isIssued && secret !== undefined ? { secretName: cloneName(secret, hosts.child) } : {};
  return [{ ...section, hosts: named, ...own }];
}

/** gateway.networking.k8s.io HTTPRoute. */
function routeSpec({ spec }: Original, hosts: Hosts): Readonly<Record<string, unknown>> | undefined {
  const hostnames = asArray(spec["hostnames"])
    .flatMap((host) => childHost(asString(host) ?? "", hosts) ?? [])
    .filter((host) => claim(hosts.claims, `HTTPRoute ${host}`, hosts.space));
  if (hostnames.length === 0) return undefined;
  const childOf = (host: string): string | undefined =>
    hosts.owned.has(`${hosts.space} ${host}`) ? childHost(host, hosts) : undefined;
  const rules = asArray(spec["rules"]).map((rule) => childRouteRule(rule, { child: hosts.child, childOf }));
  return { ...spec, hostnames, ...(rules.length === 0 ? {} : { rules }) };
}

/** Ends in a hash where it would be too long, so that two never meet. */
export function cloneName(name: string, child: string): string {
  const full = `${name}-${child}-azds`;
  if (full.length <= NAME_CHARS_MAX) return full;
  const hash = createHash("sha256").update(full).digest("hex").slice(0, HASH_CHARS);
  return `${full.slice(0, NAME_CHARS_MAX - HASH_CHARS - 1)}-${hash}`;
}

function keyOf({ kind, namespace, name }: Pick<Clone, "kind" | "namespace" | "name">): string {
  return `${kind} ${namespace}/${name}`;
}
