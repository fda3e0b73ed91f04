/** JSON Patch (RFC 6902) from the difference of two documents. */
import { isDeepStrictEqual } from "node:util";
import { isObject, type JsonObject } from "../core/parse.ts";

export type JsonPatch =
  | { readonly op: "add" | "replace"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string };

/**
 * Operations that turn `before` into `after`, in a fixed order. Objects are compared member by member; a list that
 * differs is replaced whole, which is safe because the API server applies the patch to the very object it sent.
 */
export function jsonPatch(before: JsonObject, after: JsonObject): readonly JsonPatch[] {
  return difference(before, after, "");
}

function difference(before: JsonObject, after: JsonObject, path: string): readonly JsonPatch[] {
  const removed = Object.keys(before)
    .filter((key) => after[key] === undefined && before[key] !== undefined)
    .map((key): JsonPatch => ({ op: "remove", path: `${path}/${escapeToken(key)}` }));
  const changed = Object.entries(after).flatMap(([key, value]): readonly JsonPatch[] => {
    if (value === undefined) return [];
    const old = before[key];
    const place = `${path}/${escapeToken(key)}`;
    if (old === undefined) return [{ op: "add", path: place, value }];
    if (isObject(old) && isObject(value)) return difference(old, value, place);
    return isDeepStrictEqual(old, value) ? [] : [{ op: "replace", path: place, value }];
  });
  return [...removed, ...changed];
}

/** A reference token of a JSON Pointer (RFC 6901 §3): `~` before `/`, else `/` would be escaped twice. */
function escapeToken(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
