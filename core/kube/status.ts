import { asString, member } from "../parse.ts";
import { KubeError } from "./types.ts";

/**
 * The error that an answer without success means. `text` is a Status object
 * (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/) or whatever a gateway in between says.
 */
export function statusError(httpStatus: number, text: string): KubeError {
  const status = parsed(text);
  const message = asString(member(status, "message")) ?? text.trim().slice(0, 500);
  return new KubeError(
    httpStatus,
    asString(member(status, "reason")) ?? "",
    message === "" ? `The API server answered with HTTP status ${httpStatus}` : message,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not from the API server itself.
    return undefined;
  }
}
