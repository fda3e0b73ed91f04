/** Who made a namespace a space. The controller gives that user rights there, so nobody else may write it. */
import { CREATOR_ANNOTATION, SPACE_LABEL } from "../core/contract.ts";
import { asStringRecord, at, isObject, type JsonObject } from "../core/parse.ts";
import { jsonPatch, type JsonPatch } from "./patch.ts";
import type { AdmissionRequest } from "./review.ts";

/**
 * Changes to a Namespace that is created or updated: whoever makes it a space is recorded; while it is one, the record
 * stays as it was, whoever updates it and whatever they write.
 */
export function recordCreator(request: AdmissionRequest): readonly JsonPatch[] {
  const { object, oldObject, username } = request;
  if (request.subResource !== "" || !isSpace(object)) return [];
  const creator = isSpace(oldObject) ? creatorOf(oldObject) : username;
  return jsonPatch(object, withCreator(object, creator));
}

function isSpace(namespace: JsonObject | undefined): boolean {
  return at(namespace, "metadata", "labels", SPACE_LABEL) === "true";
}

function creatorOf(namespace: JsonObject | undefined): string | undefined {
  return asStringRecord(at(namespace, "metadata", "annotations"))[CREATOR_ANNOTATION];
}

function withCreator(namespace: JsonObject, creator: string | undefined): JsonObject {
  if (creatorOf(namespace) === creator) return namespace;
  const metadata = isObject(namespace["metadata"]) ? namespace["metadata"] : {};
  const annotations = isObject(metadata["annotations"]) ? metadata["annotations"] : {};
  return { ...namespace, metadata: { ...metadata, annotations: { ...annotations, [CREATOR_ANNOTATION]: creator } } };
}
