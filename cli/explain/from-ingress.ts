/** The way of a request through an ingress controller of the user's own: the sidecar of the first pod decides. Pure. */
import { CLONE_OF_ANNOTATION } from "../../core/contract.ts";
import { expectedProtocol } from "../../core/expected-protocol.ts";
import { matchIngress, type IngressMatch } from "../../core/ingress-match.ts";
import { backendPort } from "../../core/ingress.ts";
import { requestSpace } from "../../core/request-space.ts";
import { serviceKey, type ServicePort, type ServiceRecord } from "../../core/route-table.ts";
import { inboundTarget, lookup } from "../../core/routing.ts";
import type { Explanation, Step } from "./explanation.ts";
import { rulePath, tableWithIngresses } from "./ingress-table.ts";
import { podsOf, whyNotReady } from "./pods-of.ts";
import { type Question, readerOf } from "./question.ts";
import { answerSteps, ending, namedSpace, passedSteps, portsText, portText, routesStep, spaceStep } from "./steps.ts";
import { REASONS } from "./words.ts";

/** @returns `undefined`: no Ingress of another class has this host and path */
export function fromIngress(question: Question): Explanation | undefined {
  const match = meet(question);
  if (match === undefined) return undefined;
  const { table } = question.routes;
  const { namespace, backend } = match;
  const steps = [routesStep(question), ingressStep(question, match)];
  const service = table.find(namespace, backend.service);
  const port = service === undefined ? undefined : backendPort(service, backend);
  const nobody = { entry: "ingress", reason: "here", otherwise: [], pods: [] } as const;
  if (service === undefined) {
    const why = "the Ingress names a Service that does not exist, or that is of no dev space of this tree";
    return { ...nobody, steps: [...steps, { step: "answer", what: "nobody", why }] };
  }
  const [address] = service.endpoints;
  if (port === undefined || address === undefined) {
    const why =
      port === undefined
        ? `the Service has only ${portsText(service)}`
        : `the Service has no ready pod${whyNotReady(question, namespace, service.name)}`;
    const what = `nobody of ${serviceKey(service)}`;
    return { ...nobody, steps: [...steps, { step: "answer", what, why }], pods: podsOf(question, service) };
  }
  return arrive(question, { service, port, address, before: steps });
}

/** Clones for children stand beside their originals, so a host counts as it is written. */
function meet(question: Question): IngressMatch | undefined {
  const { address, gateway } = question;
  const table = tableWithIngresses(question, ({ ours }) => !ours);
  if (table === undefined) return undefined;
  const { hostSuffix } = gateway;
  const match = matchIngress(table, { host: address.host, path: rulePath(address), hostSuffix });
  return match?.child === undefined ? match : undefined;
}

function ingressStep({ facts }: Question, { namespace, name, backend }: IngressMatch): Step {
  const ingress = facts.get(namespace)?.ingresses.find((each) => each.name === name);
  const original = ingress?.annotations[CLONE_OF_ANNOTATION];
  const clone = original === undefined ? "" : `, made by azds from \`${original}\` for a child`;
  const why = `it has this host and path, for the Service \`${backend.service}\`; its controller is your own${clone}`;
  return { step: "entry", what: `Ingress ${namespace}/${name}`, why };
}

interface Arrival {
  readonly service: ServiceRecord;
  readonly port: ServicePort;
  /** Of one of its pods. */
  readonly address: string;
  readonly before: readonly Step[];
}

function arrive(question: Question, { service, port, address, before }: Arrival): Explanation {
  const { routes, header, baggage } = question;
  const { table } = routes;
  const { authority } = question.address;
  const original = { address, port: port.target ?? port.port };
  const itself = { ...original, space: service.namespace, service: serviceKey(service) };
  const steps = [...before, { step: "port", what: portText(port), why: "the Ingress says so" }];
  const passes = whyUnseen(question, service, original);
  if (passes !== undefined) {
    const end = ending(question, { candidates: [itself], reason: "here" });
    return { entry: "ingress", steps: [...steps, { step: "answer", what: itself.service, why: passes }], ...end };
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
    entry: "ingress",
    steps: [...steps, spaceStep(question, space), ...search.steps, ...answerSteps(answer), ...arrival],
    ...namedSpace(question, space),
    ...ending(question, answer),
  };
}

/** Why the sidecar of the first pod does not see the request, so that its application gets it. */
function whyUnseen(
  question: Question,
  service: ServiceRecord,
  original: { readonly address: string; readonly port: number },
): string | undefined {
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
  const meant = lookup(table, { ip: original.address, port: original.port }, question.address.authority);
  if (meant !== undefined) return undefined;
  return "several Services stand behind its pod and the host names none of them, so no nearer version is looked for";
}
