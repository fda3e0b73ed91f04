/** Which listener of a Gateway takes a host for an HTTPRoute (gateway.networking.k8s.io/v1, ParentReference and Listener). Pure. */
import type { Address } from "./address.ts";
import type { Step } from "./explanation.ts";
import { hostPatternRank } from "./host-pattern.ts";
import type { HttpRoute, ParentRef } from "./http-route.ts";
import type { Labels } from "./label-selector.ts";
import type { GatewayFact, Listener, OwnGateway } from "./own-gateway.ts";

export interface PlacedRoute {
  readonly route: HttpRoute;
  /** Of its namespace; `undefined` where they may not be read. */
  readonly labels: Labels | undefined;
  /** Those that it names, by `gatewayKey`. */
  readonly gateways: ReadonlyMap<string, GatewayFact>;
}

export interface Admission {
  readonly route: HttpRoute;
  /** Also where that cannot be known. */
  readonly isServed: boolean;
  /** The listener that takes the host, or why none does. */
  readonly steps: readonly Step[];
}

type Asked = Pick<Address, "scheme" | "host" | "port">;

export function gatewayKey({ namespace, name }: Pick<ParentRef, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}

/** @param routes that have the host, or none */
export function admissions(routes: readonly PlacedRoute[], asked: Asked): readonly Admission[] {
  const known = new Map(routes.flatMap(({ gateways }) => [...gateways]));
  const open = [...known.values()].flatMap((gateway) => (typeof gateway === "string" ? [] : openOf(gateway, asked)));
  const best = Math.max(...open.map(({ listener }) => fit(listener, asked)));
  const doors: Doors = { asked, best, open: open.filter(({ listener }) => fit(listener, asked) === best) };
  return routes.map((placed) => admission(placed, doors));
}

interface Door {
  readonly gateway: OwnGateway;
  readonly listener: Listener;
}

interface Doors {
  readonly asked: Asked;
  readonly best: number;
  /** Those that the request may come in by, whatever routes they let in. */
  readonly open: readonly Door[];
}

function openOf(gateway: OwnGateway, asked: Asked): readonly Door[] {
  return gateway.listeners
    .filter((listener) => whyClosed(listener, asked) === undefined)
    .map((listener) => ({ gateway, listener }));
}

/** Of the listener alone. */
function whyClosed({ protocol, hostname }: Listener, { scheme, host }: Asked): string | undefined {
  if (protocol !== "HTTP" && protocol !== "HTTPS") return `it takes ${protocol}, which HTTPRoutes are not for`;
  if (scheme === "http" && protocol === "HTTPS") return "it takes TLS alone";
  if (hostname !== undefined && hostPatternRank(hostname, host) === undefined)
    return `its host \`${hostname}\` is another`;
  return undefined;
}

/** TLS may end before the Gateway, and a port be mapped to the listener's: what fits better goes first. */
function fit({ protocol, port }: Listener, asked: Asked): number {
  return (protocol.toLowerCase() === asked.scheme ? 2 : 0) + (port === asked.port ? 1 : 0);
}

function admission(placed: PlacedRoute, doors: Doors): Admission {
  const { route } = placed;
  const verdicts = route.parents.flatMap((parent) => verdictsOf(parent, placed, doors));
  const taken = verdicts.find(({ verdict }) => verdict === "taken");
  if (taken !== undefined) return { route, isServed: true, steps: [taken.step] };
  const unknown = verdicts.filter(({ verdict }) => verdict === "unknown");
  if (unknown.length > 0) return { route, isServed: true, steps: unknown.map(({ step }) => step) };
  const none = listenerStep("none", "the HTTPRoute names no Gateway");
  return { route, isServed: false, steps: verdicts.length === 0 ? [none] : verdicts.map((each) => each.step) };
}

interface Verdict {
  readonly verdict: "taken" | "refused" | "unknown";
  readonly step: Step;
}

function verdictsOf(parent: ParentRef, placed: PlacedRoute, doors: Doors): readonly Verdict[] {
  const key = gatewayKey(parent);
  const isGateway = parent.kind === "Gateway";
  const gateway = isGateway ? placed.gateways.get(key) : undefined;
  if (gateway === undefined || gateway === "unreadable") {
    const why = isGateway ? "may not be read" : "is not looked into";
    return [judged("unknown", "not known", `${parent.kind} \`${key}\` ${why}: it is taken for granted`)];
  }
  const refused = (why: string): readonly Verdict[] => [judged("refused", `not Gateway ${key}`, why)];
  if (gateway === "absent") return refused("there is none");
  const { sectionName, port } = parent;
  const named = gateway.listeners.filter(
    (listener) => listener.name === (sectionName ?? listener.name) && listener.port === (port ?? listener.port),
  );
  if (named.length > 0) return named.map((listener) => verdictOf({ gateway, listener }, placed, doors));
  const wanted = [
    ...(sectionName === undefined ? [] : [` \`${sectionName}\``]),
    ...(port === undefined ? [] : [` on port ${port}`]),
  ];
  return refused(`it has no listener${wanted.join("")}, as the HTTPRoute names it`);
}

function verdictOf(door: Door, placed: PlacedRoute, doors: Doors): Verdict {
  const { listener } = door;
  const name = nameOf(door);
  const why = whyClosed(listener, doors.asked) ?? whyKeptOut(door, placed) ?? whyOther(door, doors);
  if (why !== undefined) return judged("refused", `not ${name}`, why);
  if (listener.from !== "Selector" || placed.labels !== undefined)
    return judged("taken", name, takenText(listener, doors.asked));
  const labels = `the labels of namespace \`${placed.route.namespace}\` may not be read`;
  return judged("unknown", "not known", `${labels}, which ${name} selects by: it is taken for granted`);
}

function whyKeptOut({ gateway, listener }: Door, { route: { namespace }, labels }: PlacedRoute): string | undefined {
  const { takesHttpRoutes, from, selects } = listener;
  if (!takesHttpRoutes) return "it lets no HTTPRoutes in";
  if (from === "None") return "it lets no routes in";
  if (from === "Same" && namespace !== gateway.namespace)
    return `it lets routes of namespace \`${gateway.namespace}\` in alone`;
  if (from === "Selector" && labels !== undefined && !selects(labels))
    return `it selects namespaces by labels that \`${namespace}\` lacks`;
  return undefined;
}

/** Another listener takes the request, whether it lets the route in or not. */
function whyOther({ gateway, listener }: Door, { asked, best, open }: Doors): string | undefined {
  const [first] = open;
  if (first !== undefined && fit(listener, asked) < best)
    return `${nameOf(first)} fits the URL's scheme and port better`;
  // On one port a request meets the listener with the nearest host alone.
  const nearer = open.find(
    (other) =>
      gatewayKey(other.gateway) === gatewayKey(gateway) &&
      other.listener.port === listener.port &&
      rank(other.listener, asked) > rank(listener, asked),
  );
  return nearer === undefined ? undefined : `${nameOf(nearer)} has a nearer host`;
}

function rank({ hostname }: Listener, { host }: Asked): number {
  return hostname === undefined ? 0 : (hostPatternRank(hostname, host) ?? 0);
}

function nameOf({ gateway, listener }: Door): string {
  return `\`${listener.name}\` of Gateway ${gatewayKey(gateway)}`;
}

function takenText({ protocol, port, hostname }: Listener, asked: Asked): string {
  const host = hostname === undefined ? "every host" : `\`${hostname}\``;
  const elsewhere = port === asked.port ? "" : `; port ${asked.port} has to lead to it`;
  const plain = protocol.toLowerCase() === asked.scheme ? "" : "; TLS has to end before it";
  return `it takes ${protocol} on port ${port} for ${host}${elsewhere}${plain}`;
}

function listenerStep(what: string, why: string): Step {
  return { step: "listener", what, why };
}

function judged(is: Verdict["verdict"], what: string, why: string): Verdict {
  return { verdict: is, step: listenerStep(what, why) };
}
