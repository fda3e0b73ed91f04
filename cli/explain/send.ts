/** The one real request of `azds route explain --live`. */
import { randomBytes } from "node:crypto";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { PORT, VERSION } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { withoutBrackets } from "../../core/host-name.ts";
import type { KubeClient } from "../../core/kube/types.ts";
import { LIVE_REQUEST_MS_MAX } from "../../core/limits.ts";
import { forwardPort } from "../engine/reach/forward.ts";
import type { Address } from "./address.ts";
import type { Sidecar } from "./read-routes.ts";

export interface LiveRequest {
  readonly method: string;
  readonly address: Address;
  readonly fields: Readonly<Record<string, string>>;
}

export interface LiveAnswer {
  readonly status: number;
  readonly ms: number;
  readonly bodyBytes: number;
}

/** A new trace (W3C Trace Context §3.2). */
export function newTraceparent(): string {
  return `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-01`;
}

/**
 * As if the pod's application made it: its sidecar takes it at the enter port and decides like for its own pod.
 * @throws AzdsError NO_ANSWER
 */
export async function sendThrough(
  { namespace, pod }: Pick<Sidecar, "namespace" | "pod">,
  request: LiveRequest,
  options: { readonly kube: KubeClient; readonly signal: AbortSignal },
): Promise<LiveAnswer> {
  const stop = new AbortController();
  try {
    const port = await forwardPort(options.kube, {
      localPort: 0,
      target: () => Promise.resolve({ namespace, pod, port: PORT.enter }),
      signal: AbortSignal.any([options.signal, stop.signal]),
      onError: () => undefined,
    });
    return await send(request, { scheme: "http", hostname: "127.0.0.1", port }, options.signal);
  } finally {
    stop.abort();
  }
}

/** From this machine, as DNS leads. @throws AzdsError NO_ANSWER */
export async function sendOut(request: LiveRequest, signal: AbortSignal): Promise<LiveAnswer> {
  const { scheme, host, port } = request.address;
  return send(request, { scheme, hostname: withoutBrackets(host), port }, signal);
}

interface Place {
  readonly scheme: "http" | "https";
  readonly hostname: string;
  readonly port: number;
}

async function send({ method, address, fields }: LiveRequest, place: Place, signal: AbortSignal): Promise<LiveAnswer> {
  const since = performance.now();
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LIVE_REQUEST_MS_MAX)]);
  const request = place.scheme === "https" ? requestHttps : requestHttp;
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { host: address.authority, "user-agent": `azds/${VERSION}`, accept: "*/*", ...fields };
      const { hostname, port } = place;
      const sent = request({ hostname, port, method, path: address.path, headers, agent: false, signal: limit });
      sent.once("response", resolve).once("error", reject).end();
    });
    let bodyBytes = 0;
    for await (const chunk of response) bodyBytes += chunk instanceof Uint8Array ? chunk.length : 0;
    return { status: response.statusCode ?? 0, ms: performance.now() - since, bodyBytes };
  } catch (cause) {
    signal.throwIfAborted();
    const reason = limit.aborted ? `none came in ${LIVE_REQUEST_MS_MAX / 1_000} s` : String(cause);
    throw new AzdsError("NO_ANSWER", `\`${method} ${address.authority}${address.path}\` got no answer: ${reason}`, {
      cause,
    });
  }
}
