/** Brings a set of saved files into the running containers, and says how. */
import { relative, resolve } from "node:path";
import { RESCAN_PATHS_MIN } from "../../../core/limits.ts";
import type { IterateSettings } from "../../project/config.ts";
import type { Project } from "../../project/load.ts";
import type { Emit } from "../events.ts";
import type { ChangeSet } from "./context-watch.ts";
import { type LivePods, tellFailed, updateRequest } from "./live-pods.ts";
import type { SourceTree, TreeChange } from "./source-tree.ts";
import type { UpdateKind } from "./update-kind.ts";

export interface InPlaceRequest {
  readonly project: Project;
  readonly tree: SourceTree;
  readonly live: LivePods;
  /** `--timings`. */
  readonly timings: boolean;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** @throws AzdsError UPDATE_FAILED, CONNECTION_LOST, SOURCE_UNREADABLE */
export async function updateInPlace(request: InPlaceRequest, changes: ChangeSet, kind: UpdateKind): Promise<void> {
  const settled = performance.now();
  const change = await readChange(request, changes);
  await bringChange(request, { changes, kind, change, settled });
}

interface Bringing {
  readonly changes: ChangeSet;
  readonly kind: UpdateKind;
  readonly change: TreeChange;
  /** When the set was complete; absent where nothing told of it. */
  readonly settled?: number;
}

/** What is read of it already. @throws AzdsError as `updateInPlace` does */
export async function bringChange(
  request: InPlaceRequest,
  { changes, kind, change, ...bringing }: Bringing,
): Promise<void> {
  const { live, emit } = request;
  const { settled = changes.at } = bringing;
  if (change.write.length + change.remove.length === 0) return;
  const read = performance.now();
  const iterate = request.project.config.container.iterate;
  const restarts = kind.kind === "restart" && iterate !== undefined;
  const pods = await live.bring(restarts ? "with update" : "at once");
  const sent = performance.now();
  const brought = pods.flatMap((pod) => (pod.brought === undefined ? [] : [{ pod: pod.pod, ...pod.brought }]));
  for (const { pod, failed } of brought) tellFailed(pod, failed, emit);
  // Folders that came along are not what was saved.
  const files = change.write.filter((entry) => entry.kind !== "directory").length + change.remove.length;
  const what = subject(kind.path === "" ? (changes.folders[0] ?? "") : kind.path, files);
  if (brought.length === 0) {
    const text = `${what} changed: it follows when there is a connection to the container`;
    return emit({ type: "message", level: "info", text });
  }
  if (restarts) await live.update(requestOf(iterate, kind));
  const done = performance.now();
  const slowest = brought.toSorted((a, b) => b.ms - a.ms)[0];
  const stages = {
    settle: settled - changes.at,
    read: read - settled,
    send: sent - read,
    ...(kind.kind === "restart" ? { update: done - sent } : {}),
  };
  const ms = done - changes.at;
  const to = brought.length === 1 ? "" : ` in ${brought.length} pods`;
  const how = kind.kind === "restart" ? `restarted${to}` : `copied${to.replace(" in ", " to ")}`;
  const last = brought.length === 1 ? "" : ` (\`${slowest?.pod ?? ""}\` was last)`;
  const timings = request.timings ? ` [${stageText(stages)}]` : "";
  emit({
    type: "update",
    kind: kind.kind === "restart" ? "restart" : "copy",
    path: kind.path,
    rule: kind.rule,
    files,
    bytes: Math.max(0, ...brought.map(({ bytes }) => bytes)),
    pods: brought.length,
    slowest: brought.length === 1 ? "" : (slowest?.pod ?? ""),
    ms,
    stages,
    text: `${what} changed: ${how} in ${Math.round(ms)} ms${last}, ${kind.rule}${timings}`,
  });
}

/**
 * The tree as it is now: what is not brought today is brought to whoever connects.
 * The kernel tells of at most some thousand changes at once; what a branch switch touches beyond is found by reading.
 */
export async function readChange(
  { project, tree, signal }: InPlaceRequest,
  { paths, folders }: ChangeSet,
): Promise<TreeChange> {
  if (paths.length >= RESCAN_PATHS_MIN || [...folders, ...paths].some(isNoText)) return tree.rescan(signal);
  return readAgain({ project, tree }, [...folders, ...paths]);
}

/** Reads these paths, relative to azds.yaml's folder, again; those outside of the context are none of its business. */
export async function readAgain(
  { project, tree }: Pick<InPlaceRequest, "project" | "tree">,
  paths: readonly string[],
): Promise<TreeChange> {
  const inContext = paths.map((path) => pathInContext(project, tree, path));
  return tree.update(inContext.filter((path) => path !== "" && !path.startsWith("../")));
}

/** The watcher tells of a name that is not UTF-8 as if it were; only reading the folder shows what it is. */
function isNoText(path: string): boolean {
  return path.includes("\uFFFD");
}

/** Of a path relative to azds.yaml's folder, relative to the build context. */
export function pathInContext(project: Project, tree: Pick<SourceTree, "root">, path: string): string {
  return relative(tree.root, resolve(project.folder, path)).replaceAll("\\", "/");
}

function requestOf(iterate: IterateSettings, { dependencies }: UpdateKind): ReturnType<typeof updateRequest> {
  return updateRequest(
    iterate,
    dependencies.map(({ command }) => command),
  );
}

/** A set of files by one of them. */
export function subject(path: string, count: number): string {
  return count <= 1 ? `\`${path}\`` : `\`${path}\` and ${count - 1} more`;
}

function stageText(stages: Readonly<Record<string, number>>): string {
  return Object.entries(stages)
    .map(([name, ms]) => `${name} ${ms.toFixed(1)} ms`)
    .join(", ");
}
