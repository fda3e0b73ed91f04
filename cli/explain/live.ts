/** `azds route explain --live`: one real request, and what it touched. */
import { AzdsError } from "../../core/errors.ts";
import { parseServiceName, resolveService } from "../../core/service-name.ts";
import type { Clock } from "../../core/host/clock.ts";
import type { KubeClient } from "../../core/kube/types.ts";
import type { Exchange } from "../engine/traces/exchange.ts";
import { traceOf } from "../engine/traces/short-id.ts";
import type { Explanation } from "./explanation.ts";
import type { Question } from "./question.ts";
import { type LiveAnswer, newTraceparent, sendOut, sendThrough } from "./send.ts";
import { readTouched, type Touched } from "./touched.ts";
import { type Call, type Place, traceTree } from "./trace-tree.ts";

export interface Live extends LiveAnswer {
  readonly traceparent: string;
  readonly calls: readonly Call[];
  /** Pods whose sidecar could not be asked. */
  readonly silent: readonly string[];
}

export interface LiveOptions {
  readonly method: string;
  /** Header fields, names in lower case. */
  readonly fields: Readonly<Record<string, string>>;
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** @throws AzdsError USAGE, NO_SIDECAR, NO_ANSWER */
export async function goLive(question: Question, explanation: Explanation, options: LiveOptions): Promise<Live> {
  const { kube, clock, signal } = options;
  const { table, sidecar } = question.routes;
  const traceparent = options.fields["traceparent"] ?? newTraceparent();
  const trace = traceOf(traceparent)?.trace;
  if (trace === undefined) throw new AzdsError("USAGE", `\`traceparent: ${traceparent}\` is malformed`);
  const request = { method: options.method, address: question.address, fields: { ...options.fields, traceparent } };
  const isInside = explanation.entry === "pod" || explanation.entry === "local-gateway";
  if (explanation.entry === "pod") checkCanEnter(question);
  const answer = await (isInside ? sendThrough(sidecar, request, options) : sendOut(request, signal));
  const start = {
    pods: isInside ? [sidecar] : [],
    services: [explanation.answer, ...explanation.otherwise].flatMap((target) => target?.service ?? []),
  };
  const touched = await readTouched(trace, start, { kube, clock, table, signal });
  return { ...answer, traceparent, calls: treeOf(question, touched), silent: touched.silent };
}

/** The enter port of a pod takes HTTP without TLS, for Services that its own application would reach by that name. */
function checkCanEnter({ address, caller, routes }: Question): void {
  const { namespace } = routes.sidecar;
  if (namespace !== caller) {
    const message = `No pod of dev space \`${caller}\` has a sidecar that could send the request; that of \`${namespace}\` told the routes`;
    throw new AzdsError("NO_SIDECAR", message);
  }
  if (address.scheme === "https")
    throw new AzdsError("USAGE", "`--live` sends no TLS into the cluster: its sidecars could not tell where it goes");
  const name = parseServiceName(address.authority);
  if (name === undefined || resolveService(routes.table, caller, name) === undefined)
    throw new AzdsError(
      "USAGE",
      `\`--live\` sends to Services of this tree by their names, and \`${address.host}\` is none`,
    );
}

function treeOf({ routes: { table } }: Question, { exchanges, pods }: Touched): readonly Call[] {
  const isBehind = ({ response }: Exchange, { addresses }: Place): boolean => {
    const [namespace = "", name = ""] = response?.service?.split("/") ?? [];
    const endpoints = table.find(namespace, name)?.endpoints ?? [];
    return addresses.some((address) => address === response?.address || endpoints.includes(address));
  };
  return traceTree(exchanges, pods, isBehind);
}
