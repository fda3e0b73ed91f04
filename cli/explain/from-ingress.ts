/** The way of a request through an ingress controller or a Gateway of the user's own: the sidecar of the first pod decides. Pure. */
import { CLONE_OF_ANNOTATION, ROUTE_HEADER } from "../../core/contract.ts";
import { expectedProtocol } from "../../core/expected-protocol.ts";
import { matchIngress } from "../../core/ingress-match.ts";
import { backendPort } from "../../core/ingress.ts";
import { requestSpace } from "../../core/request-space.ts";
import { type IngressBackend, serviceKey, type ServicePort, type ServiceRecord } from "../../core/route-table.ts";
import { inboundTarget, lookup } from "../../core/routing.ts";
import type { Entry, Explanation, Step } from "./explanation.ts";
import { applyFilters, type Filtered, type HttpFilter } from "./http-filter.ts";
import { type HttpMatch, type HttpRoute, matchHttpRoute, type RouteMatch, routeOfHost } from "./http-route.ts";
import { rulePath, tableWithIngresses } from "./ingress-table.ts";
import { podsOf, whyNotReady } from "./pods-of.ts";
import { type Question, readerOf } from "./question.ts";
import { answerSteps, ending, namedSpace, passedSteps, portsText, portText, routesStep, spaceStep } from "./steps.ts";
import { REASONS } from "./words.ts";

const KINDS = { ingress: "Ingress", "http-route": "HTTPRoute" } as const;

/** The rule that its controller follows. */
interface Met {
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

/** @returns `undefined`: no Ingress of another class and no HTTPRoute has this host and path */
export function fromIngress(question: Question): Explanation | undefined {
  const met = meetIngress(question) ?? meetHttpRoute(question);
  if (met === undefined) return undefined;
  const { table } = question.routes;
  const { entry, to: backend } = met;
  const steps = [routesStep(question), ...met.steps];
  const nobody = { entry, reason: "here", otherwise: [], pods: [] } as const;
  if ("step" in backend) return { ...nobody, steps: [...steps, backend] };
  const service = table.find(backend.namespace, backend.service);
  const port = service === undefined ? undefined : backendPort(service, backend);
  if (service === undefined) {
    const why = `the ${KINDS[entry]} names a Service that does not exist, or that is of no dev space of this tree`;
    return { ...nobody, steps: [...steps, { step: "answer", what: "nobody", why }] };
  }
  const [address] = service.endpoints;
  if (port === undefined || address === undefined) {
    const why =
      port === undefined
        ? `the Service has only ${portsText(service)}`
        : `the Service has no ready pod${whyNotReady(question, service.namespace, service.name)}`;
    const what = `nobody of ${serviceKey(service)}`;
    return { ...nobody, steps: [...steps, { step: "answer", what, why }], pods: podsOf(question, service) };
  }
  return arrive(question, { met, service, port, address, before: steps });
}

/** Clones for children stand beside their originals, so a host counts as it is written. */
function meetIngress(question: Question): Met | undefined {
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

function meetHttpRoute({ address, method, fields, facts }: Question): Met | undefined {
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

interface Arrival {
  readonly met: Met;
  readonly service: ServiceRecord;
  readonly port: ServicePort;
  /** Of one of its pods. */
  readonly address: string;
  readonly before: readonly Step[];
}

function arrive(question: Question, { met, service, port, address, before }: Arrival): Explanation {
  const { table } = question.routes;
  const { entry, sent } = met;
  const { authority, header, baggage } = sent;
  const original = { address, port: port.target ?? port.port };
  const itself = { ...original, space: service.namespace, service: serviceKey(service) };
  const steps = [...before, { step: "port", what: portText(port), why: `the ${KINDS[entry]} says so` }];
  const passes = whyUnseen(question, { service, original, authority });
  if (passes !== undefined) {
    const end = ending(question, { candidates: [itself], reason: "here" });
    return { entry, steps: [...steps, { step: "answer", what: itself.service, why: passes }], ...end };
  }
  const space = requestSpace(readerOf(question), authority, { routeAs: header, baggage });
  const search = passedSteps(question, service.name);
  const { routeAs } = space;
  const nearer = inboundTarget(table, {
    ownSpace: service.namespace,
    routeAs,
    authority,
    original,
    passed: search.passed,
  });
  const answer =
    nearer === undefined
      ? ({ candidates: [itself], reason: "here" } as const)
      : ({ candidates: [nearer, itself], reason: "nearer" } as const);
  const arrival: Step[] =
    nearer === undefined ? [] : [{ step: "arrival", what: "the application", why: REASONS.marked }];
  return {
    entry,
    steps: [...steps, spaceStep(question, space), ...search.steps, ...answerSteps(answer), ...arrival],
    ...namedSpace(question, space),
    ...ending(question, answer),
  };
}

interface Arriving {
  readonly service: ServiceRecord;
  readonly original: { readonly address: string; readonly port: number };
  readonly authority: string;
}

/** Why the sidecar of the first pod does not see the request, so that its application gets it. */
function whyUnseen(question: Question, { service, original, authority }: Arriving): string | undefined {
  const pods = question.facts.get(service.namespace)?.pods;
  if (pods === undefined) return undefined;
  const pod = pods.find(({ addresses }) => addresses.includes(original.address));
  if (pod?.sidecar === undefined) return "its pod has no sidecar, so no nearer version is looked for";
  const { table } = question.routes;
  const { skipInboundPorts, opaquePorts } = pod.sidecar.config;
  if (skipInboundPorts.includes(original.port))
    return `its pod asked by annotation that port ${original.port} passes by its sidecar`;
  const { protocol } = expectedProtocol(table, original, opaquePorts);
  if (protocol === "opaque") return REASONS.opaque;
  const meant = lookup(table, { ip: original.address, port: original.port }, authority);
  if (meant !== undefined) return undefined;
  return "several Services stand behind its pod and the host names none of them, so no nearer version is looked for";
}
