/** The way of a request that a pod of the caller's space makes, by a name of the cluster's DNS or an address. Pure. */
import { AzdsError } from "../../core/errors.ts";
import { expectedProtocol } from "../../core/expected-protocol.ts";
import { withoutBrackets } from "../../core/host-name.ts";
import { canonicalAddress } from "../../core/ip-address.ts";
import { ROUTE_ALIASES_MAX, ROUTE_NAMES_MAX } from "../../core/limits.ts";
import { requestSpace } from "../../core/request-space.ts";
import { serviceKey, type ServiceRecord } from "../../core/route-table.ts";
import { type Destination, lookup, outboundCandidates } from "../../core/routing.ts";
import { parseServiceName, resolveService, type ServiceName } from "../../core/service-name.ts";
import type { Explanation, Step } from "./explanation.ts";
import { podsOf } from "./pods-of.ts";
import { type Question, readerOf } from "./question.ts";
import type { ServiceFacts } from "./space-facts.ts";
import { answerSteps, ending, namedSpace, passedSteps, portsText, portText, routesStep, spaceStep } from "./steps.ts";
import { listed, REASONS } from "./words.ts";

/** What the pod dials. */
type Dialled =
  | { readonly kind: "service"; readonly service: ServiceRecord; readonly steps: readonly Step[] }
  /** Of no tree, or with no address. */
  | { readonly kind: "other"; readonly service: ServiceFacts; readonly steps: readonly Step[] }
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "outside"; readonly host: string; readonly steps: readonly Step[] };

/** @returns `undefined`: the host is no address, and no name that DNS knows */
export function fromPod(question: Question): Explanation | undefined {
  const dialled = resolve(question);
  switch (dialled?.kind) {
    case undefined:
      return undefined;
    case "service":
      return toService(question, dialled.service, dialled.steps);
    case "address":
      return toAddress(question, dialled.address);
    case "other":
      return toOther(question, dialled.service, dialled.steps);
    case "outside":
      return unrouted(question, [...dialled.steps, answerless(`${dialled.host} outside of the cluster`)]);
  }
}

/** @throws AzdsError SERVICE_NOT_FOUND for what can only be the name of a Service */
export function refuseName({ address, caller, routes, facts }: Question): void {
  const name = parseServiceName(address.authority);
  if (name === undefined) return;
  const { table } = routes;
  const where = name.namespace === undefined ? table.ancestry(caller) : [name.namespace];
  const inTable = [...table.services].filter(({ namespace }) => where.includes(namespace));
  const read = where.flatMap((space) => facts.get(space)?.services ?? []);
  // Two labels may as well be a host of the Internet.
  const isName = name.namespace === undefined || address.host.includes(".svc") || table.hasSpace(name.namespace);
  if (!isName && read.length === 0) return;
  const names = [...new Set([...inTable, ...read].map((service) => service.name))].toSorted();
  const place =
    name.namespace === undefined ? `dev space \`${caller}\` or above it` : `namespace \`${name.namespace}\``;
  const known = names.length === 0 ? "" : `; there are ${listed(names, ROUTE_NAMES_MAX)}`;
  throw new AzdsError("SERVICE_NOT_FOUND", `There is no Service \`${name.name}\` in ${place}${known}`);
}

function resolve(question: Question): Dialled | undefined {
  const { host, authority } = question.address;
  const address = canonicalAddress(withoutBrackets(host));
  if (/^\d+(?:\.\d+){3}$/.test(address) || address.includes(":")) return { kind: "address", address };
  const steps: Step[] = [];
  let name = parseServiceName(authority);
  for (let aliases = 0; name !== undefined && aliases < ROUTE_ALIASES_MAX; aliases += 1) {
    const service = resolveService(question.routes.table, question.caller, name);
    if (service !== undefined)
      return { kind: "service", service, steps: [...steps, nameStep(question, name, service)] };
    const other = factsOf(question, name);
    if (other?.externalName === undefined) return other && { kind: "other", service: other, steps };
    const what = `ExternalName ${serviceKey(other)}`;
    steps.push({ step: "name", what, why: `it stands for \`${other.externalName}\`` });
    const next = parseServiceName(other.externalName);
    // One label or two would be a host of the Internet here.
    if (next?.namespace === undefined || !other.externalName.includes(".svc"))
      return { kind: "outside", host: other.externalName, steps };
    name = next;
  }
  return undefined;
}

function factsOf({ routes, facts, caller }: Question, { name, namespace }: ServiceName): ServiceFacts | undefined {
  const where = namespace === undefined ? routes.table.ancestry(caller) : [namespace];
  return where.flatMap((space) => facts.get(space)?.services ?? []).find((service) => service.name === name);
}

function nameStep({ caller, routes }: Question, { name, namespace }: ServiceName, service: ServiceRecord): Step {
  const what = serviceKey(service);
  if (namespace !== undefined) return { step: "name", what, why: `\`${name}.${namespace}\` names its namespace` };
  const { table } = routes;
  const before = table.ancestry(caller).slice(0, table.ancestry(caller).indexOf(service.namespace));
  if (before.length === 0) return { step: "name", what, why: `\`${name}\` is looked for in \`${caller}\` first` };
  const why = `\`${name}\` has no address in ${listed(before, ROUTE_NAMES_MAX)}, and the search list goes on upwards`;
  return { step: "name", what, why };
}

/** @throws AzdsError SERVICE_NOT_FOUND for a port that the Service lacks */
function toService(question: Question, service: ServiceRecord, before: readonly Step[]): Explanation {
  const { address } = question;
  const ip = service.ips[0] ?? service.endpoints[0] ?? "";
  const isHeadless = service.ips.length === 0;
  const port = service.ports.find((each) => (isHeadless ? (each.target ?? each.port) : each.port) === address.port);
  if (port === undefined) {
    const message = `Service \`${serviceKey(service)}\` has no TCP port ${address.port}, only ${portsText(service)}`;
    throw new AzdsError("SERVICE_NOT_FOUND", message);
  }
  const headless = isHeadless
    ? [{ step: "name", what: ip, why: "it is headless: its name gives the addresses of its pods" }]
    : [];
  return dial(question, { ip, destination: { service, port }, before: [...before, ...headless] });
}

function toAddress(question: Question, ip: string): Explanation {
  const { table } = question.routes;
  const destination = lookup(table, { ip, port: question.address.port }, question.address.authority);
  if (destination === undefined) {
    const why =
      table.at(ip, question.address.port).length > 1
        ? "several Services of this tree have it"
        : "no Service of this tree has it";
    return unrouted(question, [{ step: "name", what: `${ip}:${question.address.port}`, why }, answerless(ip)]);
  }
  const { service } = destination;
  const isPod = !service.ips.includes(ip);
  const why = `${ip} is ${isPod ? "a ready pod" : "the cluster IP"} of it`;
  return dial(question, {
    ip,
    destination,
    before: [{ step: "name", what: serviceKey(service), why }],
    only: isPod ? ip : undefined,
  });
}

interface Dial {
  readonly ip: string;
  readonly destination: Destination;
  readonly before: readonly Step[];
  readonly only?: string | undefined;
}

function dial(question: Question, { ip, destination, before, only }: Dial): Explanation {
  const { address, caller, routes, header, baggage } = question;
  const { table } = routes;
  const original = { address: ip, port: address.port };
  const protocol = expectedProtocol(table, original, []).protocol;
  const steps: Step[] = [routesStep(question), callerStep(question), ...before, ...portSteps(destination, protocol)];
  const itself = { ...original, space: destination.service.namespace, service: serviceKey(destination.service) };
  if (protocol === "opaque" || address.scheme === "https") {
    if (address.scheme === "https") steps.push({ step: "protocol", what: "TLS", why: "nobody on the way can read it" });
    const relayed = { candidates: [itself], reason: "opaque" } as const;
    return { entry: "pod", steps: [...steps, ...answerSteps(relayed)], ...ending(question, relayed, only) };
  }
  const space = requestSpace(readerOf(question), address.authority, { routeAs: header, baggage });
  const search = passedSteps(question, destination.service.name);
  const { routeAs } = space;
  // The one that a sidecar takes where several Services stand behind one pod.
  const meant = lookup(table, { ip, port: address.port }, address.authority);
  const answer =
    meant === undefined
      ? ({ candidates: [original], reason: "no-service" } as const)
      : outboundCandidates(table, {
          ownSpace: caller,
          routeAs,
          destination: meant,
          original,
          authority: address.authority,
          passed: search.passed,
        });
  const end = ending(question, answer, only);
  return {
    entry: "pod",
    steps: [
      ...steps,
      spaceStep(question, space),
      ...search.steps,
      ...answerSteps(answer),
      ...arrivalSteps(question, end, space.routeAs),
    ],
    ...namedSpace(question, space),
    ...end,
  };
}

function portSteps({ port, service }: Destination, protocol: "http" | "opaque" | undefined): readonly Step[] {
  const words = {
    http: "its name or `appProtocol` declares HTTP",
    opaque: "its name, `appProtocol` or well-known number says that it is no HTTP: nothing of it is read",
  };
  const why = protocol === undefined ? "nothing is declared: the first bytes tell whether it is HTTP" : words[protocol];
  const step = { step: "port", what: portText(port), why };
  if (service.pinned !== true) return [step];
  return [
    step,
    {
      step: "no-route",
      what: serviceKey(service),
      why: "its annotation `azds.io/no-route` keeps requests as they are",
    },
  ];
}

/** Whose requests pass by their sidecar, or lack one. */
function callerStep({ caller, facts, routes, address }: Question): Step {
  const pods = facts.get(caller)?.pods ?? [];
  const names = (found: typeof pods): string =>
    listed(
      found.map(({ name }) => name),
      ROUTE_NAMES_MAX,
    );
  const without = pods.filter(({ sidecar, view }) => sidecar === undefined && view.phase === "Running");
  const passing = pods.filter(({ sidecar }) => {
    const { skipOutboundPorts = [], opaquePorts = [] } = sidecar?.config ?? {};
    return [...skipOutboundPorts, ...opaquePorts].includes(address.port);
  });
  const notes = [
    "its sidecar decides",
    ...(without.length === 0 ? [] : [`not for ${names(without)}, without one: there only the server's sidecar does`]),
    ...(passing.length === 0 ? [] : [`${names(passing)} asked by annotation that port ${address.port} passes by it`]),
  ];
  return {
    step: "caller",
    what: `a pod of ${routes.table.ancestry(caller).toReversed().join("/")}`,
    why: notes.join("; "),
  };
}

/** What the sidecar of the pod that is reached makes of it. */
function arrivalSteps(
  { routes }: Question,
  { answer, pods }: Pick<Explanation, "answer" | "pods">,
  routeAs: string | undefined,
): readonly Step[] {
  if (answer === undefined || !pods.some(({ sidecar }) => sidecar)) return [];
  const isDecided = routeAs !== undefined && routes.table.hasSpace(routeAs);
  return [{ step: "arrival", what: "the application", why: REASONS[isDecided ? "marked" : "here"] }];
}

/** A Service of another tree or of none, or a headless one without a ready pod. */
function toOther(question: Question, service: ServiceFacts, before: readonly Step[]): Explanation {
  const record = question.routes.table.find(service.namespace, service.name);
  const why =
    record === undefined
      ? "its namespace is no dev space of this tree"
      : "it is headless and no pod of it is ready: its name has no address";
  const what = serviceKey(service);
  const steps = [...before, { step: "name", what, why }, answerless(record === undefined ? what : "nobody")];
  return { ...unrouted(question, steps), pods: podsOf(question, { ...service, endpoints: [] }) };
}

function unrouted(question: Question, steps: readonly Step[]): Explanation {
  return {
    entry: "pod",
    steps: [routesStep(question), callerStep(question), ...steps],
    reason: "no-service",
    otherwise: [],
    pods: [],
  };
}

function answerless(what: string): Step {
  return { step: "answer", what, why: REASONS["no-service"] };
}
