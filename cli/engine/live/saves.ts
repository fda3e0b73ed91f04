/** What becomes of each save while `up` is attached: into the running containers where that is possible, else a new image. */
import { relative, resolve } from "node:path";
import { AzdsError } from "../../../core/errors.ts";
import { KubeError } from "../../../core/kube/types.ts";
import { REBUILD_SETTLE_MS, RESCAN_PATHS_MIN, SECOND_LOOK_MS, SECOND_LOOK_PATHS_MIN } from "../../../core/limits.ts";
import type { IterateSettings } from "../../project/config.ts";
import { kubeFailure } from "../../cluster/errors.ts";
import { CONFIG_FILE, type Project } from "../../project/load.ts";
import type { ChangeSet, ContextWatch } from "./context-watch.ts";
import type { Emit } from "../events.ts";
import { type LivePods, tellFailed, updateRequest } from "./live-pods.ts";
import type { SourceTree, TreeChange } from "./source-tree.ts";
import { type UpdateKind, updateKind, updateRules } from "./update-kind.ts";

export interface SavesRequest {
  readonly project: Project;
  readonly tree: SourceTree;
  readonly saves: ContextWatch;
  readonly live: LivePods;
  /** `--no-rebuild`. */
  readonly noRebuild: boolean;
  /** `--timings`. */
  readonly timings: boolean;
  /** Builds and deploys the newest sources. @throws AzdsError as `deploy` does */
  readonly rebuild: () => Promise<void>;
  /** Milliseconds of the last rebuild; `undefined` before the first. */
  readonly lastRebuild: () => number | undefined;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Resolves with the signal; with `redefined` after a change of what all the rest is read by: azds.yaml, ignore rules; or
 * with `missed` when changes were not told, as of folders that go and come at once: then nothing tells of them later.
 */
export async function followSaves(request: SavesRequest): Promise<"stopped" | "redefined" | "missed"> {
  const rules = updateRules(request.project);
  for await (const changes of request.saves.changes()) {
    try {
      const kind = updateKind(changes.paths, rules);
      const obstacle = kind.kind === "rebuild" ? kind.rule : obstacleTo(request.live);
      if (obstacle === undefined) await updateInPlace(request, changes, kind);
      else await rebuild(request, changes, { path: kind.path, rule: obstacle });
    } catch (caught) {
      const error = caught instanceof KubeError ? kubeFailure(caught) : caught;
      if (!(error instanceof AzdsError)) throw error;
      const text = `${error.code}: ${error.message}; the running service was left as it is`;
      request.emit({ type: "message", level: "warning", text });
    }
    if (changes.paths.some(isDefinition)) return "redefined";
    if (isWide(changes) && (await hasMissed(request))) return "missed";
  }
  return "stopped";
}

/** Why nothing can be brought in place, whatever the files; `undefined` when it can. */
function obstacleTo(live: LivePods): string | undefined {
  return live.any() ? live.refusal()?.why : "no container of the newest build runs";
}

/** A branch switch, an unpacked archive: folders come and go quicker than they can be watched. */
function isWide({ paths, folders }: ChangeSet): boolean {
  return folders.length > 0 || paths.length >= SECOND_LOOK_PATHS_MIN;
}

async function hasMissed({ tree, emit, signal }: SavesRequest): Promise<boolean> {
  await Bun.sleep(SECOND_LOOK_MS);
  if (signal.aborted) return false;
  const { write, remove } = await tree.rescan(signal);
  const missed = write.length + remove.length;
  const text = `${missed} changes were found by reading all files again; watching them anew`;
  if (missed > 0) emit({ type: "message", level: "verbose", text });
  return missed > 0;
}

function isDefinition(path: string): boolean {
  return path === CONFIG_FILE || /(?:^|\/)\.(?:git|docker)ignore$/.test(path);
}

async function rebuild(
  request: SavesRequest,
  changes: ChangeSet,
  { path, rule }: Pick<UpdateKind, "path" | "rule">,
): Promise<void> {
  const { saves, noRebuild, lastRebuild, emit } = request;
  // The rest of what is being saved just now.
  const all = new Set([...changes.paths, ...(await saves.quiet(REBUILD_SETTLE_MS))]);
  const what = subject(path, all.size);
  if (noRebuild) throw new AzdsError("REBUILD_REFUSED", `${what} changed and needs a new image, ${rule}`);
  const last = lastRebuild();
  const cost = last === undefined ? "" : `; the last one took ${(last / 1000).toFixed(1)} s`;
  emit({ type: "message", level: "info", text: `${what} changed: rebuilding the image, ${rule}${cost}` });
  await request.rebuild();
}

async function updateInPlace(request: SavesRequest, changes: ChangeSet, kind: UpdateKind): Promise<void> {
  const { live, emit } = request;
  const settled = performance.now();
  const change = await readChange(request, changes);
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

/** The kernel tells of at most some thousand changes at once; what a branch switch touches beyond is found by reading. */
async function readChange({ project, tree, signal }: SavesRequest, { paths, folders }: ChangeSet): Promise<TreeChange> {
  if (paths.length >= RESCAN_PATHS_MIN) return tree.rescan(signal);
  const inContext = (path: string): string => relative(tree.root, resolve(project.folder, path)).replaceAll("\\", "/");
  return tree.update([...folders, ...paths].map(inContext).filter((path) => path !== "" && !path.startsWith("../")));
}

function requestOf(iterate: IterateSettings, { dependencies }: UpdateKind): ReturnType<typeof updateRequest> {
  return updateRequest(
    iterate,
    dependencies.map(({ command }) => command),
  );
}

function subject(path: string, count: number): string {
  return count <= 1 ? `\`${path}\`` : `\`${path}\` and ${count - 1} more`;
}

function stageText(stages: Readonly<Record<string, number>>): string {
  return Object.entries(stages)
    .map(([name, ms]) => `${name} ${ms.toFixed(1)} ms`)
    .join(", ");
}
