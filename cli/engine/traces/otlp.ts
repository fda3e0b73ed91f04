/** Exchanges as spans to a collector: OTLP/HTTP with JSON (OpenTelemetry Protocol 1.x; hexadecimal ids, times as text). */
import { createHash } from "node:crypto";
import { VERSION } from "../../../core/contract.ts";
import { AzdsError } from "../../../core/errors.ts";
import { grpcStatusName, isGrpcError, isGrpcFault } from "../../../core/grpc-status.ts";
import { portOf, withoutBrackets, withoutPort } from "../../../core/host-name.ts";
import type { Clock } from "../../../core/host/clock.ts";
import { OTLP_BATCH_MAX, OTLP_EVERY_MS, OTLP_POST_MS_MAX, OTLP_QUEUE_MAX } from "../../../core/limits.ts";
import type { Emit } from "../events.ts";
import { correlationOf, type Exchange } from "./exchange.ts";
import { traceOf } from "./short-id.ts";

export interface OtlpExport {
  readonly add: (exchange: Exchange) => void;
  /** Sends what waits, until the signal, and then the rest once. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

export interface OtlpOptions {
  readonly clock: Clock;
  readonly emit: Emit;
}

/**
 * @param url of the collector; without a path, `/v1/traces`
 * @throws AzdsError USAGE
 */
export function otlpExport(url: string, { clock, emit }: OtlpOptions): OtlpExport {
  const endpoint = URL.parse(url);
  if (endpoint === null || !/^https?:$/.test(endpoint.protocol))
    throw new AzdsError("USAGE", `\`--otlp\` takes the URL of a collector, not \`${url}\``);
  if (endpoint.pathname === "/") endpoint.pathname = "/v1/traces";
  const queue: Exchange[] = [];
  let lost = 0;
  const send = async (): Promise<void> => {
    const batch = queue.splice(0, OTLP_BATCH_MAX);
    if (batch.length === 0) return;
    const problem = await post(endpoint, batch);
    if (problem === undefined) return;
    lost += batch.length;
    const text = `\`${endpoint.href}\` did not take the traces (${lost} so far): ${problem}`;
    emit({ type: "message", level: "warning", text });
  };
  return {
    add: (exchange) => {
      if (queue.length < OTLP_QUEUE_MAX) queue.push(exchange);
      else lost += 1;
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(OTLP_EVERY_MS, signal).catch(() => undefined);
        await send();
      }
      await send();
    },
  };
}

/** What went wrong. */
async function post(endpoint: URL, batch: readonly Exchange[]): Promise<string | undefined> {
  try {
    const answer = await fetch(endpoint, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(tracesOf(batch)),
      signal: AbortSignal.timeout(OTLP_POST_MS_MAX),
    });
    return answer.ok ? undefined : `it answered ${answer.status}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Names of attributes are those of this version: the first in which the ones of RPC are stable. */
const SCHEMA = "https://opentelemetry.io/schemas/1.45.0";

/** `ExportTraceServiceRequest`. */
export function tracesOf(exchanges: readonly Exchange[]): unknown {
  return {
    resourceSpans: exchanges.map((exchange) => ({
      resource: {
        attributes: attributes({
          "service.name": exchange.service,
          "service.namespace": exchange.namespace,
          "k8s.pod.name": exchange.pod,
          "k8s.namespace.name": exchange.namespace,
        }),
      },
      scopeSpans: [{ scope: { name: "azds", version: VERSION }, schemaUrl: SCHEMA, spans: [spanOf(exchange)] }],
    })),
  };
}

const SPAN_KIND = { server: 2, client: 3 } as const;
const STATUS_ERROR = 2;

function spanOf(exchange: Exchange): unknown {
  const { request, response, pod, run } = exchange;
  const parent = traceOf(request.traceparent);
  const status = response?.status ?? 0;
  const rpc = rpcOf(exchange);
  const error = errorOf(exchange);
  return {
    traceId: parent?.trace ?? hexOf(correlationOf(exchange), 32),
    spanId: hexOf(`${pod}/${run}/${request.id}`, 16),
    ...(parent === undefined ? {} : { parentSpanId: parent.parent }),
    name: rpc["rpc.method"] ?? request.method,
    kind: request.direction === "in" ? SPAN_KIND.server : SPAN_KIND.client,
    startTimeUnixNano: nanoseconds(request.at),
    endTimeUnixNano: nanoseconds(request.at + (response?.totalMs ?? 0)),
    attributes: [
      ...attributes({
        "http.request.method": request.method,
        "url.path": request.path.split("?")[0] ?? "",
        "network.protocol.version": request.http2 === true ? "2" : "",
        "server.address": withoutBrackets(withoutPort(request.authority)),
        "network.peer.address": request.direction === "in" ? request.peer : (response?.address ?? ""),
        "azds.space": request.space ?? exchange.namespace,
        "azds.reason": request.reason,
        "azds.target": response?.service ?? "",
        "error.type": error ?? "",
        ...rpc,
      }),
      ...integer("server.port", portOf(request.authority)),
      ...integer("network.peer.port", request.direction === "in" ? undefined : response?.port),
      ...integer("http.response.status_code", status),
    ],
    ...(error === undefined ? {} : { status: { code: STATUS_ERROR } }),
  };
}

/** Of a gRPC call (OpenTelemetry, semantic conventions for gRPC); its path is `/<service>/<method>`. */
function rpcOf({ request, response }: Exchange): Readonly<Record<string, string>> {
  if (response?.grpcStatus === undefined) return {};
  const status = grpcStatusName(response.grpcStatus);
  return { "rpc.system.name": "grpc", "rpc.method": request.path.slice(1), "rpc.status_code": status };
}

/** What of the conventions' `error.type` stands for a broken connection; there is no status that says it. */
const BROKEN = "_OTHER";

/**
 * `undefined`: the span is none of an error. A gRPC client's has failed with every status but OK, a server's only where the
 * server is at fault.
 */
function errorOf({ request, response }: Exchange): string | undefined {
  if (response === undefined || response.status === 0) return BROKEN;
  const { status, grpcStatus, complete } = response;
  const isFailed = request.direction === "in" ? isGrpcFault(grpcStatus) : isGrpcError(grpcStatus);
  if (isFailed && grpcStatus !== undefined) return grpcStatusName(grpcStatus);
  if (status >= 500) return String(status);
  return complete ? undefined : BROKEN;
}

type Attributes = readonly unknown[];

/** Nothing for what is not known, which zeros say as well. */
function integer(key: string, value: number | undefined): Attributes {
  return (value ?? 0) === 0 ? [] : [{ key, value: { intValue: String(value) } }];
}

function attributes(texts: Readonly<Record<string, string>>): Attributes {
  return Object.entries(texts).flatMap(([key, text]) => (text === "" ? [] : [{ key, value: { stringValue: text } }]));
}

function nanoseconds(ms: number): string {
  return String(BigInt(Math.round(ms * 1000)) * 1000n);
}

function hexOf(key: string, digits: number): string {
  return createHash("sha256").update(key).digest("hex").slice(0, digits);
}
