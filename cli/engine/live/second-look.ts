/**
 * A second look at the files once a set of changes is over. All are read after a wide one: a branch switch makes and
 * removes folders quicker than they can be watched. What was renamed is read after any: of a file that another was
 * renamed to, and that is renamed itself within some 50 ms, the watcher tells the first alone.
 */
import { relative, resolve } from "node:path";
import { systemClock } from "../../../core/host/clock.ts";
import { SECOND_LOOK_MS, SECOND_LOOK_PATHS_MIN } from "../../../core/limits.ts";
import type { ChangeSet } from "./context-watch.ts";
import { bringChange, type InPlaceRequest, readAgain } from "./in-place.ts";
import type { TreeChange } from "./source-tree.ts";
import { type UpdateKind, updateKind, type UpdateRules } from "./update-kind.ts";

/** What the sets of changes so far leave to be looked at once there is silence. */
export class DueLook {
  #all = false;
  readonly #moved = new Set<string>();

  get isDue(): boolean {
    return this.#all || this.#moved.size > 0;
  }

  /** A set whose changes were brought. */
  note({ paths, folders, moved }: ChangeSet): void {
    for (const path of moved) this.#moved.add(path);
    this.#all ||= folders.length > 0 || Math.max(paths.length, this.#moved.size) >= SECOND_LOOK_PATHS_MIN;
  }

  /** Either everything or these paths; nothing is due then. */
  take(): "all" | ReadonlySet<string> {
    const due = this.#all ? "all" : new Set(this.#moved);
    this.#all = false;
    this.#moved.clear();
    return due;
  }
}

export interface LookRequest extends InPlaceRequest {
  /** Brings files that need a new image, by one; false when it is not made, and the others are to be brought alone. */
  readonly toImage: (changes: ChangeSet, kind: UpdateKind) => Promise<boolean>;
}

/** Resolves after SECOND_LOOK_MS, or with the signal. */
export async function silence(signal: AbortSignal): Promise<"silence"> {
  await systemClock.sleep(SECOND_LOOK_MS, signal).catch(() => undefined);
  return "silence";
}

/** Reads what was renamed again and brings what has changed. @throws AzdsError as `updateInPlace` and `toImage` do */
export async function lookAtMoved(request: LookRequest, rules: UpdateRules, moved: ReadonlySet<string>): Promise<void> {
  const at = performance.now();
  const change = await readAgain(request, [...moved]);
  await bringFound(request, rules, { change, at });
}

/**
 * Reads everything again and brings what has changed. True when `next` does not tell of it either: then nothing tells of
 * later changes there.
 * @throws AzdsError as `updateInPlace` and `toImage` do
 */
export async function lookAgain(
  request: LookRequest,
  rules: UpdateRules,
  next: Promise<IteratorResult<ChangeSet, void>>,
): Promise<boolean> {
  const { tree, emit, signal } = request;
  const at = performance.now();
  const change = await tree.rescan(signal);
  if (change.write.length + change.remove.length + change.image.length === 0) return false;
  const paths = await bringFound(request, rules, { change, at });
  const told = await Promise.race([next, silence(signal)]);
  const toldPaths = new Set(
    told === "silence" || told.done === true ? [] : [...told.value.paths, ...told.value.folders],
  );
  const missed = paths.filter((path) => !toldPaths.has(path)).length;
  const text = `${missed} changes were found by reading all files again; watching them anew`;
  if (missed > 0) emit({ type: "message", level: "verbose", text });
  return missed > 0;
}

/** The files among it, relative to azds.yaml's folder. */
async function bringFound(
  request: LookRequest,
  rules: UpdateRules,
  { change, at }: { readonly change: TreeChange; readonly at: number },
): Promise<readonly string[]> {
  const { tree, project } = request;
  const shown = (files: readonly string[]): readonly string[] =>
    files.map((path) => relative(project.folder, resolve(tree.root, path)).replaceAll("\\", "/"));
  const written = change.write.filter(({ kind }) => kind !== "directory").map(({ path }) => path);
  const live = shown([...written, ...change.remove]);
  const image = shown(change.image);
  const found = (paths: readonly string[]): ChangeSet => ({ paths, folders: [], moved: [], at });
  if (image.length === 0 || !(await request.toImage(found(image), updateKind(image, rules))))
    await bringChange(request, { changes: found(live), kind: updateKind(live, rules), change });
  return [...live, ...image];
}
