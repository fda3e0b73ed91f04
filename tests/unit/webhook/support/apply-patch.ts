import { isObject } from "../../../../core/parse.ts";
import type { JsonPatch } from "../../../../webhook/patch.ts";

/** RFC 6902 for the operations we write, as strict as the API server: a missing parent or target is an error. */
export function applyPatch(document: unknown, operations: readonly JsonPatch[]): unknown {
  const result = structuredClone(document);
  for (const operation of operations) {
    const tokens = operation.path
      .split("/")
      .slice(1)
      .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = tokens.pop() ?? "";
    const parent = tokens.reduce(step, result);
    if (!isObject(parent)) throw new Error(`No parent at ${operation.path}`);
    if (operation.op !== "add" && !(last in parent)) throw new Error(`Nothing at ${operation.path}`);
    const target = parent as Record<string, unknown>;
    if (operation.op === "remove") delete target[last];
    else target[last] = structuredClone(operation.value);
  }
  return result;
}

function step(value: unknown, token: string): unknown {
  return isObject(value) ? value[token] : undefined;
}
