/** Steps that several ways share. Pure. */
import { type ServiceKey, serviceKey, type ServicePort, type ServiceRecord } from "../../core/route-table.ts";
import type { Candidate, OutboundAnswer, PassedOver } from "../../core/routing.ts";
import type { NamedSpace } from "../../core/request-space.ts";
import { ROUTE_NAMES_MAX } from "../../core/limits.ts";
import { ROUTE_HEADER } from "../../core/contract.ts";
import type { Explanation, Step, Target } from "./explanation.ts";
import { podsOf, whyNotReady } from "./pods-of.ts";
import type { Question } from "./question.ts";
import { listed, PASSED_OVER, REASONS } from "./words.ts";

/** What the sidecar at hand knows, and from whom. */
export function routesStep({ routes: { sidecar, table } }: Question): Step {
  const count = [...table.services].length;
  return {
    step: "routes",
    what: `${table.spaces.length} dev spaces, ${count} services`,
    why: `as the sidecar of pod \`${sidecar.namespace}/${sidecar.pod}\` has them now`,
  };
}

export function spaceStep({ routes }: Question, { routeAs, source }: NamedSpace): Step {
  const { table } = routes;
  if (routeAs === undefined)
    return { step: "space", what: "none", why: `no \`${ROUTE_HEADER}\` in header or baggage, and the host names none` };
  const words = {
    header: `the header \`${ROUTE_HEADER}\` says so`,
    baggage: `\`${ROUTE_HEADER}\` in the baggage says so`,
    host: "the host says so",
  };
  const said = words[source ?? "host"];
  if (table.hasSpace(routeAs))
    return { step: "space", what: table.ancestry(routeAs).toReversed().join("/"), why: said };
  const known = listed(table.spaces.toSorted(), ROUTE_NAMES_MAX);
  return {
    step: "space",
    what: "none",
    why: `${said.replace("says so", `says \`${routeAs}\``)}, which is no dev space of this tree and is ignored; there are ${known}`,
  };
}

/** Takes down the spaces that a decision passes over. */
export function passedSteps(
  question: Question,
  service: string,
): {
  readonly steps: readonly Step[];
  readonly passed: (space: string, why: PassedOver) => void;
} {
  const steps: Step[] = [];
  return {
    steps,
    passed: (space, why) => {
      const pods = why === "no-endpoint" ? whyNotReady(question, space, service) : "";
      steps.push({ step: "search", what: `not \`${space}\``, why: `${PASSED_OVER[why]}${pods}` });
    },
  };
}

/** Who answers, and who would if its pods refused the connection. */
export function answerSteps({ candidates: [first, ...rest], reason }: OutboundAnswer): readonly Step[] {
  const otherwise = rest.map((candidate) => ({
    step: "otherwise",
    what: targetText(targetOf(candidate)),
    why: "it is asked next, should those before refuse the connection",
  }));
  const what = first === undefined ? "nobody" : targetText(targetOf(first));
  return [{ step: "answer", what, why: REASONS[reason] }, ...otherwise];
}

export function portText({ name, port, target }: ServicePort): string {
  const named = name === "" ? String(port) : `${port} (${name})`;
  return target === undefined || target === port ? named : `${named}, ${target} in the pods`;
}

export function portsText(service: ServiceRecord): string {
  return service.ports.map(portText).join("; ");
}

export function targetText({ service, address, port }: Target): string {
  return service === undefined ? `${address}:${port}` : `${service} at ${address}:${port}`;
}

function targetOf({ service, address, port }: Candidate): Target {
  return { ...(service === undefined ? {} : { service }), address, port };
}

/** The end of every way that reaches a Service. */
export function ending(
  question: Question,
  { candidates, reason }: Pick<OutboundAnswer, "candidates" | "reason">,
  only?: string,
): Pick<Explanation, "reason" | "answer" | "otherwise" | "pods"> {
  const [first, ...rest] = candidates;
  if (first === undefined) return { reason, otherwise: [], pods: [] };
  const record = recordOf(question, first.service);
  const pods = record === undefined ? [] : podsOf(question, record, first.address === only ? only : undefined);
  return { reason, answer: targetOf(first), otherwise: rest.map(targetOf), pods };
}

function recordOf({ routes }: Question, key: ServiceKey | undefined): ServiceRecord | undefined {
  if (key === undefined) return undefined;
  return [...routes.table.services].find((service) => serviceKey(service) === key);
}

/** No key for what is absent, as `exactOptionalPropertyTypes` wants it. */
export function namedSpace(
  { routes }: Question,
  { routeAs, source }: Pick<NamedSpace, "routeAs" | "source">,
): Pick<Explanation, "space" | "source" | "unknownSpace"> {
  if (routeAs === undefined) return {};
  return {
    space: routeAs,
    ...(source === undefined ? {} : { source }),
    ...(routes.table.hasSpace(routeAs) ? {} : { unknownSpace: true as const }),
  };
}
