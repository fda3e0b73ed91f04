/** Which exchanges are shown. Pure. */
import { AzdsError } from "../../../core/errors.ts";
import type { Exchange } from "./exchange.ts";

export interface TraceFilter {
  /** The service that was called. */
  readonly service?: string | undefined;
  /** Beginning of the path. */
  readonly path?: string | undefined;
  /** As `statusFilter` reads it. */
  readonly status?: ((status: number) => boolean) | undefined;
}

/** Never the kubelet's probes. False for a request, whose status is not known yet, where only some are wanted. */
export function isWanted(exchange: Exchange, { service, path, status }: TraceFilter): boolean {
  if (exchange.request.probe === true) return false;
  if (path !== undefined && !exchange.request.path.startsWith(path)) return false;
  if (status !== undefined && (exchange.response === undefined || !status(exchange.response.status))) return false;
  return service === undefined || calledService(exchange) === service;
}

/** Its name without namespace: of the pod for what came in, else of what was reached, else what the authority says. */
function calledService({ service, request, response }: Exchange): string {
  if (request.direction === "in") return service;
  return response?.service?.split("/")[1] ?? request.authority.split(/[.:]/, 1)[0] ?? "";
}

/**
 * `404`, `5xx`, or several with commas; `0` stands for no answer.
 * @throws AzdsError USAGE
 */
export function statusFilter(text: string): (status: number) => boolean {
  const words = text.split(",").map((word) => word.trim().toLowerCase());
  const wrong = words.find((word) => !/^(?:[1-5](?:\d\d|xx)|0)$/.test(word));
  if (wrong !== undefined)
    throw new AzdsError("USAGE", `\`--status\` takes numbers and classes such as \`404\` or \`5xx\`, not \`${wrong}\``);
  return (status) => words.some((word) => word === String(status) || word === `${Math.trunc(status / 100)}xx`);
}
