/** Which exchanges are shown. Pure. */
import { AzdsError } from "../../../core/errors.ts";
import { grpcCodeOf, isGrpcError } from "../../../core/grpc-status.ts";
import type { ResponseTrace } from "../../../core/trace.ts";
import type { Exchange } from "./exchange.ts";

export interface TraceFilter {
  /** The service that was called. */
  readonly service?: string | undefined;
  /** Beginning of the path. */
  readonly path?: string | undefined;
  /** As `statusFilter` reads it. */
  readonly status?: StatusTest | undefined;
}

export type StatusTest = (response: Pick<ResponseTrace, "status" | "grpcStatus">) => boolean;

/** Never the kubelet's probes. False for a request, whose status is not known yet, where only some are wanted. */
export function isWanted(exchange: Exchange, { service, path, status }: TraceFilter): boolean {
  if (exchange.request.probe === true) return false;
  if (path !== undefined && !exchange.request.path.startsWith(path)) return false;
  if (status !== undefined && (exchange.response === undefined || !status(exchange.response))) return false;
  return service === undefined || calledService(exchange) === service;
}

/** Its name without namespace: of the pod for what came in, else of what was reached, else what the authority says. */
function calledService({ service, request, response }: Exchange): string {
  if (request.direction === "in") return service;
  return response?.service?.split("/")[1] ?? request.authority.split(/[.:]/, 1)[0] ?? "";
}

/**
 * `404`, `5xx`, or several with commas; `0` stands for no answer. Of gRPC, whose failures are 200 to HTTP: `grpc:14`,
 * `grpc:UNAVAILABLE`, and `grpc:error` for all but OK.
 * @throws AzdsError USAGE
 */
export function statusFilter(text: string): StatusTest {
  const tests = text.split(",").map((word) => testOf(word.trim().toLowerCase()));
  return (response) => tests.some((test) => test(response));
}

function testOf(word: string): StatusTest {
  if (/^(?:[1-5](?:\d\d|xx)|0)$/.test(word))
    return ({ status }) => word === String(status) || word === `${Math.trunc(status / 100)}xx`;
  if (word === "grpc:error") return ({ grpcStatus }) => isGrpcError(grpcStatus);
  const code = grpcCodeOf(word);
  if (code !== undefined) return ({ grpcStatus }) => grpcStatus === code;
  const known = "`404`, `5xx`, `grpc:UNAVAILABLE`, `grpc:14` or `grpc:error`";
  throw new AzdsError("USAGE", `\`--status\` takes numbers and classes such as ${known}, not \`${word}\``);
}
