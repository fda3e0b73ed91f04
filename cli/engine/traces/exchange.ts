/** A request with its response, where they were seen, and what belongs together. Pure. */
import { grpcWord } from "../../../core/grpc-status.ts";
import type { BodyTrace, MessageTrace, RequestTrace, ResponseTrace } from "../../../core/trace.ts";
import type { TraceEvent } from "../events.ts";
import { shortId, traceOf } from "./short-id.ts";

/** The pod whose sidecar tells. */
export interface TracedPod {
  readonly pod: string;
  readonly namespace: string;
  readonly service: string;
}

export interface Exchange extends TracedPod {
  /** The run of the sidecar's worker; with the request's number unique. */
  readonly run: string;
  readonly request: RequestTrace;
  readonly response: ResponseTrace | undefined;
}

/** What all exchanges have in common that one request caused; without trace headers it is the exchange itself. */
export function correlationOf({ pod, run, request }: Exchange): string {
  return traceOf(request.traceparent)?.trace ?? request.requestId ?? `${pod}/${run}/${request.id}`;
}

/** @param nameOf name of the pod with an address */
export function traceEvent(exchange: Exchange, nameOf: (address: string) => string | undefined): TraceEvent {
  const { pod, namespace, service, request, response } = exchange;
  const id = shortId(correlationOf(exchange));
  const phase = response === undefined ? "request" : "response";
  return {
    type: "trace",
    phase,
    id,
    pod,
    namespace,
    service,
    request,
    ...(response === undefined ? {} : { response }),
    ...textOf(exchange, { id, nameOf }),
  };
}

interface Naming {
  readonly id: string;
  readonly nameOf: (address: string) => string | undefined;
}

function textOf({ pod, request, response }: Exchange, { id, nameOf }: Naming): Pick<TraceEvent, "text" | "details"> {
  const [from, to] = sidesOf({ pod, request, response }, nameOf);
  const protocol = request.protocol === undefined ? "" : ` (${request.protocol})`;
  const line = `${request.method} ${request.path}${protocol}`;
  if (response === undefined) return { text: `${from} --${id}-> ${to}: ${line}`, details: [] };
  const broken = response.complete || response.status === 0 ? "" : ", broken off";
  const size = `${response.responseBytes} B`;
  return {
    text: `${from} <-${id}-- ${to}: ${statusText(response)} ${line} ${milliseconds(response.totalMs)}, ${size}${broken}`,
    details: [...messageLines("> ", response.request), ...messageLines("< ", response.response)],
  };
}

/** `200`, and of a gRPC call `200 grpc:UNAVAILABLE`: as `--status` takes them. */
export function statusText({ status, grpcStatus }: Pick<ResponseTrace, "status" | "grpcStatus">): string {
  if (status === 0) return "no answer";
  return grpcStatus === undefined ? String(status) : `${status} ${grpcWord(grpcStatus)}`;
}

type Sided = Pick<Exchange, "pod" | "request" | "response">;

function sidesOf({ pod, request, response }: Sided, nameOf: Naming["nameOf"]): readonly [from: string, to: string] {
  if (request.direction === "in") return [nameOf(request.peer) ?? request.peer, pod];
  const reached =
    response?.service ?? (response === undefined || response.address === "" ? undefined : response.address);
  return [request.direction === "enter" ? "outside" : pod, reached ?? request.authority];
}

function messageLines(prefix: string, message: MessageTrace | undefined): readonly string[] {
  if (message === undefined) return [];
  const { fields, body, trailers = [] } = message;
  return [...fieldLines(prefix, fields), ...bodyLines(prefix, body), ...fieldLines(prefix, trailers)];
}

function fieldLines(prefix: string, fields: MessageTrace["fields"]): readonly string[] {
  return fields.map(([name, value]) => `${prefix}${name}: ${value}`);
}

function bodyLines(prefix: string, body: BodyTrace | undefined): readonly string[] {
  if (body === undefined) return [];
  const content = body.encoding === "base64" ? [`<${body.text.length} characters of base64>`] : body.text.split("\n");
  const cut = body.cut ? [`${prefix}<[TRUNCATED]>`] : [];
  return [...content.map((line) => `${prefix}${line}`), ...cut];
}

function milliseconds(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)}ms` : ms < 1_000 ? `${Math.round(ms)}ms` : `${(ms / 1_000).toFixed(1)}s`;
}
