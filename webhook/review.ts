/** AdmissionReview, version 1 (Kubernetes, "Dynamic Admission Control"): request in, response out. */
import { asString, at, isObject, type JsonObject } from "../core/parse.ts";
import type { JsonPatch } from "./patch.ts";

export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: string;
  /** Empty for objects without a namespace, but of a Namespace its own name. */
  readonly namespace: string;
  /** Empty for the object itself. */
  readonly subResource: string;
  readonly username: string;
  /** Nothing may be changed but the answer. */
  readonly dryRun: boolean;
  readonly object: JsonObject;
  /** Only in updates. */
  readonly oldObject: JsonObject | undefined;
}

const API_VERSION = "admission.k8s.io/v1";

/** The request in `body`, or what is wrong with it. */
export function readReview(body: string): AdmissionRequest | { readonly refused: string } {
  const review = parse(body);
  if (at(review, "kind") !== "AdmissionReview" || at(review, "apiVersion") !== API_VERSION) {
    return { refused: `The body is no AdmissionReview of \`${API_VERSION}\`` };
  }
  const request = at(review, "request");
  const [uid, operation, object] = [at(request, "uid"), at(request, "operation"), at(request, "object")];
  if (typeof uid !== "string" || typeof operation !== "string")
    return { refused: "`request.uid` or `request.operation` is missing" };
  if (!isObject(object)) return { refused: "`request.object` is missing" };
  const oldObject = at(request, "oldObject");
  return {
    uid,
    operation,
    object,
    namespace: asString(at(request, "namespace")) ?? "",
    subResource: asString(at(request, "subResource")) ?? "",
    username: asString(at(request, "userInfo", "username")) ?? "",
    dryRun: at(request, "dryRun") === true,
    oldObject: isObject(oldObject) ? oldObject : undefined,
  };
}

/** The response that admits the object of request `uid` with these changes; never a refusal. */
export function formatAnswer(uid: string, operations: readonly JsonPatch[]): string {
  const patch =
    operations.length === 0
      ? {}
      : { patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(operations)).toString("base64") };
  return JSON.stringify({
    apiVersion: API_VERSION,
    kind: "AdmissionReview",
    response: { uid, allowed: true, ...patch },
  });
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    // Refused by the caller like any other body that is no review.
    return undefined;
  }
}
