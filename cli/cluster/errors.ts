/** Failures of the way to the API server, and its refusals, in words a user can act on. */
import { AzdsError } from "../../core/errors.ts";
import { KubeError } from "../../core/kube/types.ts";
import { at, asString } from "../../core/parse.ts";

/** Which server, for the message. */
export interface Server {
  readonly context: string;
  readonly server: string;
}

/**
 * Translates what only the connection can explain: no way to the server, and rejected credentials.
 * Everything else comes back unchanged, so that callers can still tell 404 from 409.
 */
export function connectionFailure(error: unknown, { context, server }: Server): unknown {
  if (error instanceof KubeError && error.status === 401) {
    return new AzdsError(
      "CREDENTIALS_REJECTED",
      `The API server at ${server} does not accept the credentials of context \`${context}\``,
      { cause: error },
    );
  }
  const reason = networkReason(error);
  if (reason === undefined) return error;
  // The client below knows the address only; the context is what the user can change.
  return new AzdsError(
    "CLUSTER_UNREACHABLE",
    `Cannot reach the API server of context \`${context}\` at ${server}: ${reason}`,
    { cause: error },
  );
}

/** The server's refusal for people, when nobody on the way up knew better. */
export function kubeFailure(error: KubeError): AzdsError {
  if (error.status !== 403)
    return new AzdsError("API_FAILED", `The API server answered ${error.status} ${error.reason}: ${error.message}`, {
      cause: error,
    });
  const denied =
    /User "(?<user>[^"]*)" cannot (?<verb>\S+) resource "(?<resource>[^"]*)"(?: in API group "(?<group>[^"]*)")?(?: in the namespace "(?<namespace>[^"]*)")?/.exec(
      error.message,
    )?.groups;
  // Admission refuses with 403 too; its message says why.
  if (denied === undefined) return new AzdsError("FORBIDDEN", error.message, { cause: error });
  const group = denied["group"] ?? "";
  const resource = group === "" ? denied["resource"] : `${denied["resource"]}.${group}`;
  const where = denied["namespace"] === undefined ? "in the whole cluster" : `in namespace \`${denied["namespace"]}\``;
  return new AzdsError(
    "FORBIDDEN",
    `User \`${denied["user"]}\` may not \`${denied["verb"]}\` \`${resource}\` ${where}`,
    { cause: error },
  );
}

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ConnectionRefused: "the connection was refused",
  ECONNRESET: "the connection was closed",
  ConnectionClosed: "the connection was closed",
  EPIPE: "the connection was closed",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name cannot be looked up now",
  EHOSTUNREACH: "there is no route to the host",
  ENETUNREACH: "there is no route to the network",
  ETIMEDOUT: "it does not answer",
  FailedToOpenSocket: "no connection can be opened",
  EPROTO: "it does not speak TLS",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
};

function networkReason(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof KubeError) return undefined;
  if (error instanceof AzdsError)
    return error.code === "CLUSTER_UNREACHABLE" ? (networkReason(error.cause) ?? error.message) : undefined;
  if (error.name === "TimeoutError") return "it does not answer";
  const code = asString(at(error, "code"));
  if (code !== undefined && code in NETWORK) return NETWORK[code];
  if (code !== undefined && /CERT|SIGN|ISSUER/.test(code)) return `its certificate is not trusted (${code})`;
  return networkReason(error.cause);
}
