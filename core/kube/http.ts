/** One HTTP exchange with an API server: headers, time limit, one more try after a dead pooled connection. */
import { AzdsError } from "../errors.ts";
import { API_CALL_MS_MAX } from "../limits.ts";
import { statusError } from "./status.ts";
import { unreachable } from "./unreachable.ts";
import { KubeError, type KubeConnection, type KubeRequest } from "./types.ts";

/**
 * The text of a successful answer; the time limit covers all of it.
 * @throws KubeError for an answer without success, AzdsError CLUSTER_UNREACHABLE for none, the signal's reason after its abort
 */
export async function exchangeText(connection: KubeConnection, request: KubeRequest): Promise<string> {
  const ms = request.timeoutMs ?? API_CALL_MS_MAX;
  const deadline = AbortSignal.timeout(ms);
  return attempt(connection, { request, deadline, ms }, async (response) => response.text());
}

/** The body of a successful answer as it comes; the time limit covers only its head. Errors as above. */
export async function exchangeStream(
  connection: KubeConnection,
  request: KubeRequest,
): Promise<ReadableStream<Uint8Array>> {
  const ms = request.timeoutMs ?? API_CALL_MS_MAX;
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), ms);
  try {
    return await attempt(connection, { request, deadline: deadline.signal, ms }, (response) => {
      return Promise.resolve(response.body ?? new Blob([]).stream());
    });
  } finally {
    clearTimeout(timer);
  }
}

interface Exchange {
  readonly request: KubeRequest;
  readonly deadline: AbortSignal;
  readonly ms: number;
}

async function attempt<T>(
  connection: KubeConnection,
  exchange: Exchange,
  take: (response: Response) => Promise<T>,
): Promise<T> {
  const once = async (keepalive: boolean): Promise<T> => {
    const response = await send(connection, exchange, keepalive);
    if (!response.ok) throw statusError(response.status, await response.text());
    return take(response);
  };
  try {
    return await once(true);
  } catch (error) {
    if (isFinal(error, exchange)) throw translate(error, connection, exchange);
  }
  // A connection kept from before may be dead without our knowing; a new one tells.
  try {
    return await once(false);
  } catch (error) {
    throw translate(error, connection, exchange);
  }
}

async function send(
  connection: KubeConnection,
  { request, deadline }: Exchange,
  keepalive: boolean,
): Promise<Response> {
  const hasBody = request.body !== undefined;
  return fetch(connection.server + request.path, {
    method: request.method,
    headers: {
      accept: "application/json",
      ...(hasBody ? { "content-type": request.contentType ?? "application/json" } : {}),
      ...(await connection.headers()),
    },
    ...(hasBody ? { body: typeof request.body === "string" ? request.body : JSON.stringify(request.body) } : {}),
    signal: request.signal === undefined ? deadline : AbortSignal.any([request.signal, deadline]),
    keepalive,
    redirect: "manual",
    // Watches and logs may be silent for long; what bounds them is their own.
    timeout: false,
    tls: { ...connection.tls },
  });
}

/** Only reading may be done twice: a write whose answer was lost may have happened. */
function isFinal(error: unknown, { request, deadline }: Exchange): boolean {
  return error instanceof KubeError || request.method !== "GET" || deadline.aborted || request.signal?.aborted === true;
}

function translate(error: unknown, connection: KubeConnection, { request, deadline, ms }: Exchange): unknown {
  if (error instanceof KubeError || error instanceof AzdsError) return error;
  if (request.signal?.aborted === true) return request.signal.reason;
  return unreachable(connection, deadline.aborted ? `no answer within ${ms / 1000} s` : error, { cause: error });
}
