/** The way of a request through an ingress controller or a Gateway of the user's own: the sidecar of the first pod decides. Pure. */
import { expectedProtocol } from "../../core/expected-protocol.ts";
import { backendPort } from "../../core/ingress.ts";
import { requestSpace } from "../../core/request-space.ts";
import { serviceKey, type ServicePort, type ServiceRecord } from "../../core/route-table.ts";
import { inboundTarget, lookup } from "../../core/routing.ts";
import type { Explanation, Step } from "./explanation.ts";
import { meetIngress, type Met } from "./meet.ts";
import { meetHttpRoute } from "./meet-http-route.ts";
import { podsOf, whyNotReady } from "./pods-of.ts";
import { type Question, readerOf } from "./question.ts";
import { answerSteps, ending, namedSpace, passedSteps, portsText, portText, routesStep, spaceStep } from "./steps.ts";
import { REASONS } from "./words.ts";

const KINDS = { ingress: "Ingress", "http-route": "HTTPRoute" } as const;

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
