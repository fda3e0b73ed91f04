import type { JsonObject } from "../../core/parse.ts";

/** One object for each line that is not empty. */
export function jsonLines(text: string): readonly JsonObject[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as JsonObject);
}
