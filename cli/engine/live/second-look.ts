/**
 * A second look at the files once a wide set of changes is over: a branch switch makes and removes folders quicker than
 * they can be watched.
 */
import { relative, resolve } from "node:path";
import { systemClock } from "../../../core/host/clock.ts";
import { SECOND_LOOK_MS, SECOND_LOOK_PATHS_MIN } from "../../../core/limits.ts";
import type { ChangeSet } from "./context-watch.ts";
import { bringChange, type InPlaceRequest } from "./in-place.ts";
import { updateKind, type UpdateRules } from "./update-kind.ts";

/** Whether it is one that asks for a second look. */
export function isWide({ paths, folders }: ChangeSet): boolean {
  return folders.length > 0 || paths.length >= SECOND_LOOK_PATHS_MIN;
}

/** Resolves after SECOND_LOOK_MS, or with the signal. */
export async function silence(signal: AbortSignal): Promise<"silence"> {
  await systemClock.sleep(SECOND_LOOK_MS, signal).catch(() => undefined);
  return "silence";
}

/**
 * Reads everything again and brings what has changed. True when `next` does not tell of it either: then nothing tells of
 * later changes there.
 * @throws AzdsError as `updateInPlace` does
 */
export async function lookAgain(
  request: InPlaceRequest,
  rules: UpdateRules,
  next: Promise<IteratorResult<ChangeSet, void>>,
): Promise<boolean> {
  const { tree, project, emit, signal } = request;
  const at = performance.now();
  const change = await tree.rescan(signal);
  const files = [...change.write.filter(({ kind }) => kind !== "directory").map(({ path }) => path), ...change.remove];
  if (files.length + change.write.length === 0) return false;
  const paths = files.map((path) => relative(project.folder, resolve(tree.root, path)).replaceAll("\\", "/"));
  await bringChange(request, { changes: { paths, folders: [], at }, kind: updateKind(paths, rules), change });
  const told = await Promise.race([next, silence(signal)]);
  const toldPaths = new Set(
    told === "silence" || told.done === true ? [] : [...told.value.paths, ...told.value.folders],
  );
  const missed = paths.filter((path) => !toldPaths.has(path)).length;
  const text = `${missed} changes were found by reading all files again; watching them anew`;
  if (missed > 0) emit({ type: "message", level: "verbose", text });
  return missed > 0;
}
