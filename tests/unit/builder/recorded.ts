/** Output of buildctl 0.25 on a node with containerd, as it came. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export type Recording =
  | "first-build"
  | "cached-build"
  | "failed-run"
  | "unknown-instruction"
  | "missing-file"
  | "unknown-stage"
  | "missing-dockerfile";

export function recordingFile(name: Recording): string {
  return join(import.meta.dir, "recorded", `${name}.txt`);
}

export async function recordedLines(name: Recording): Promise<readonly string[]> {
  return (await readFile(recordingFile(name), "utf8")).replace(/\n$/, "").split("\n");
}
