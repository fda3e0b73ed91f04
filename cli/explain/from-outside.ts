/** The way of a request from outside through the gateway of the cluster, or the local one of `azds up`. Pure. */
import { spaceInBaggage } from "../../core/baggage.ts";
import { LOCAL_HOST_SUFFIX, ROUTE_HEADER } from "../../core/contract.ts";
import {
  type Asked,
  type Destined,
  destinedByHost,
  destinedByIngress,
  routeFromOutside,
} from "../../core/from-outside.ts";
import { serviceKey } from "../../core/route-table.ts";
import type { Entry, Explanation, Step } from "./explanation.ts";
import { rulePath, tableWithIngresses } from "./ingress-table.ts";
import { podsOf, whyNotReady } from "./pods-of.ts";
import { type Question, suffixOf } from "./question.ts";
import { answerSteps, ending, namedSpace, passedSteps, portsText, portText, routesStep } from "./steps.ts";
import { REASONS } from "./words.ts";

/** Whether the host belongs to one of the gateways, whatever it names. */
export function isGatewayHost({ address, gateway }: Pick<Question, "address" | "gateway">): boolean {
  return address.host.endsWith(LOCAL_HOST_SUFFIX) || address.host.endsWith(gateway.hostSuffix.toLowerCase());
}

/** @returns `undefined`: the host names no service of a space */
export function fromOutside(question: Question): Explanation | undefined {
  const { address, gateway } = question;
  const isLocal = address.host.endsWith(LOCAL_HOST_SUFFIX);
  const hostSuffix = isLocal ? suffixOf(question) : gateway.hostSuffix;
  const header = (question.header ?? spaceInBaggage(question.baggage ?? "")) || undefined;
  const counts = isLocal || gateway.trustsHeader;
  const asked = { authority: address.authority, header: counts ? header : undefined };
  const entry: Entry = isLocal ? "local-gateway" : "gateway";
  const steps = [routesStep(question), doorStep(question, entry), ...strippedSteps(header, counts)];
  const found = isLocal ? undefined : byIngress(question, asked);
  if (found !== undefined) return finish(question, { ...found, entry, asked, before: [...steps, ...found.before] });
  const destined = destinedByHost(question.routes.table, hostSuffix, asked);
  if (destined === undefined) return undefined;
  const host: Step = {
    step: "host",
    what: serviceKey(destined.service),
    why: `the host names the service, and ${destined.routeAs === undefined ? "the root" : `the child \`${destined.routeAs}\``}`,
  };
  return finish(question, { destined, entry, asked, before: [...steps, host] });
}

function doorStep({ gateway }: Question, entry: Entry): Step {
  if (entry === "local-gateway")
    return {
      step: "entry",
      what: "the local gateway",
      why: `\`azds up\` serves hosts below \`${LOCAL_HOST_SUFFIX}\` on this machine`,
    };
  const why = gateway.isThere
    ? "it serves this host once DNS leads there"
    : "but this cluster has none (`azds cluster enable --endpoint public`)";
  return { step: "entry", what: "the gateway of azds", why };
}

function strippedSteps(header: string | undefined, counts: boolean): readonly Step[] {
  if (header === undefined || counts) return [];
  const why = "the gateway strips it; `azds cluster enable --trust-external-header` would let it pass";
  return [{ step: "header", what: `not \`${ROUTE_HEADER}: ${header}\``, why }];
}

interface Met {
  readonly destined: Destined | undefined;
  readonly before: readonly Step[];
}

/** An Ingress of our class, as far as the user may read them. */
function byIngress(question: Question, asked: Asked): Met | undefined {
  const { address, gateway } = question;
  const table = tableWithIngresses(question, ({ ours }) => ours);
  if (table === undefined) return undefined;
  const found = destinedByIngress(table, gateway.hostSuffix, { ...asked, path: rulePath(address) });
  if (found === undefined) return undefined;
  const { match, destined } = found;
  const what = `Ingress ${match.namespace}/${match.name}`;
  const child = match.child === undefined ? "" : `, and the host names the child \`${match.child}\``;
  const why = `it has this host and path, for the Service \`${match.backend.service}\`${child}`;
  return { destined, before: [{ step: "host", what, why }] };
}

interface Way extends Met {
  readonly entry: Entry;
  readonly asked: Asked;
}

function finish(question: Question, { destined, entry, asked, before }: Way): Explanation {
  const nobody = { reason: "host", otherwise: [], pods: [] } as const;
  if (destined === undefined) {
    const missing = { step: "answer", what: "503", why: "the Ingress names a Service that does not exist" };
    return { entry, steps: [...before, missing], ...nobody };
  }
  const { service, port, space } = destined;
  const { table } = question.routes;
  const named = {
    routeAs: asked.header ?? destined.routeAs,
    source: asked.header === undefined ? "host" : headerSource(question),
  } as const;
  const steps: Step[] = [
    ...before,
    { step: "space", what: table.ancestry(space).toReversed().join("/"), why: spaceReason(question, asked, destined) },
  ];
  const search = passedSteps(question, service.name);
  const route = routeFromOutside(table, destined, { passed: search.passed });
  if (route === undefined) {
    const why =
      port === undefined
        ? `it has only ${portsText(service)}`
        : `it has no ready pod${whyNotReady(question, service.namespace, service.name)}`;
    steps.push({ step: "answer", what: `503 for ${serviceKey(service)}`, why });
    return { entry, steps, ...namedSpace(question, named), ...nobody, pods: podsOf(question, service) };
  }
  if (port !== undefined) steps.push({ step: "port", what: portText(port), why: "it is the port for HTTP" });
  const end = ending(question, route);
  const arrival = end.pods.some(({ sidecar }) => sidecar)
    ? [{ step: "arrival", what: "the application", why: REASONS.marked }]
    : [];
  return {
    entry,
    steps: [...steps, ...search.steps, ...answerSteps(route), ...arrival],
    ...namedSpace(question, named),
    ...end,
    reason: entry === "local-gateway" ? "host" : route.reason,
  };
}

function spaceReason(question: Question, { header }: Asked, { space }: Destined): string {
  if (header === undefined) return "the host says so";
  if (header === space) return `\`${ROUTE_HEADER}\` in the ${headerSource(question)} says so`;
  return `\`${ROUTE_HEADER}: ${header}\` names no dev space of this tree, so the host counts`;
}

function headerSource({ header }: Question): "header" | "baggage" {
  return header === undefined ? "baggage" : "header";
}
