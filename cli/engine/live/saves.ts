/** What becomes of each save while `up` is attached: into the running containers where that is possible, else a new image. */
import { AzdsError } from "../../../core/errors.ts";
import { KubeError } from "../../../core/kube/types.ts";
import { REBUILD_SETTLE_MS } from "../../../core/limits.ts";
import { kubeFailure } from "../../cluster/errors.ts";
import { CONFIG_FILE } from "../../project/load.ts";
import type { BackSync } from "./back-sync.ts";
import type { ChangeSet, ContextWatch } from "./context-watch.ts";
import { type InPlaceRequest, pathInContext, readAgain, readChange, subject, updateInPlace } from "./in-place.ts";
import type { LivePods } from "./live-pods.ts";
import { DueLook, lookAgain, lookAtMoved, type LookRequest, silence } from "./second-look.ts";
import { fileUpdate, type UpdateKind, updateKind, type UpdateRules, updateRules } from "./update-kind.ts";

export interface SavesRequest extends InPlaceRequest {
  readonly saves: ContextWatch;
  /** Where azds.yaml wants files from the containers. */
  readonly back?: Pick<BackSync, "isReturned"> | undefined;
  /** `--no-rebuild`. */
  readonly noRebuild: boolean;
  /** Builds and deploys the newest sources. @throws AzdsError as `deploy` does */
  readonly rebuild: () => Promise<void>;
  /** Milliseconds of the last rebuild; `undefined` before the first. */
  readonly lastRebuild: () => number | undefined;
}

/**
 * Resolves with the signal; with `redefined` after a change of what all the rest is read by: azds.yaml, ignore rules; or
 * with `missed` when changes were not told, as of folders that go and come at once: then nothing tells of them later.
 */
export async function followSaves(request: SavesRequest): Promise<"stopped" | "redefined" | "missed"> {
  const rules = updateRules(request.project);
  const iterator = request.saves.changes();
  let next: NextSet | undefined;
  const look = new DueLook();
  for (;;) {
    next ??= iterator.next();
    const arrived = look.isDue ? await Promise.race([next, silence(request.signal)]) : await next;
    if (arrived === "silence") {
      const due = look.take();
      if (due !== "all") await telling(request, async () => lookAtMoved(looking(request), rules, due));
      else if (await hasMissed(request, rules, next)) return "missed";
      continue;
    }
    next = undefined;
    if (arrived.done === true) return "stopped";
    const changes = await withoutReturned(request, arrived.value);
    look.note(changes);
    if (changes.paths.length + changes.folders.length === 0) continue;
    await bringSet(request, rules, changes);
    if (changes.paths.some(isDefinition)) return "redefined";
  }
}

type NextSet = ReturnType<ReturnType<ContextWatch["changes"]>["next"]>;

/**
 * What came from a container is no save, and asks for no update. The containers are told of it all the same: the one
 * where it comes from keeps it for a restart, others get it.
 */
async function withoutReturned(request: SavesRequest, changes: ChangeSet): Promise<ChangeSet> {
  const { back, project, tree, live } = request;
  const isReturned = (path: string): boolean =>
    back !== undefined && !isDefinition(path) && back.isReturned(pathInContext(project, tree, path));
  const returned = changes.paths.filter(isReturned);
  if (returned.length === 0) return changes;
  await telling(request, async () => {
    await readAgain(request, returned);
    await live.bring("at once");
  });
  return { ...changes, paths: changes.paths.filter((path) => !returned.includes(path)) };
}

/** What `--no-rebuild` refuses keeps nothing else of the set from its container. */
async function bringSet(request: SavesRequest, rules: UpdateRules, changes: ChangeSet): Promise<void> {
  if (!request.noRebuild) return bringAll(request, rules, changes);
  const refused = changes.paths.filter((path) => fileUpdate(path, rules).update === "rebuild");
  const rest = { ...changes, paths: changes.paths.filter((path) => !refused.includes(path)) };
  if (refused.length > 0)
    await telling(request, async () => {
      // Read, so that a second look does not find it once more.
      await readAgain(request, refused);
      refuse(updateKind(refused, rules), refused.length);
    });
  if (rest.paths.length + rest.folders.length > 0) await bringAll(request, rules, rest);
}

async function bringAll(request: SavesRequest, rules: UpdateRules, changes: ChangeSet): Promise<void> {
  await telling(request, async () => {
    const kind = updateKind(changes.paths, rules);
    const obstacle = kind.kind === "rebuild" ? kind.rule : obstacleTo(request.live);
    if (obstacle === undefined) return updateInPlace(request, changes, kind);
    const needed = { path: kind.path, rule: obstacle };
    if (!request.noRebuild) return rebuild(request, changes, needed);
    // A container that comes is to get it.
    await readChange(request, changes);
    refuse(needed, changes.paths.length);
  });
}

async function hasMissed(request: SavesRequest, rules: UpdateRules, next: NextSet): Promise<boolean> {
  if (request.signal.aborted || obstacleTo(request.live) !== undefined) return false;
  return (await telling(request, async () => lookAgain(looking(request), rules, next))) ?? false;
}

function looking(request: SavesRequest): LookRequest {
  const toImage: LookRequest["toImage"] = async (changes, kind) => {
    if (request.noRebuild) await telling(request, async () => refuse(kind, changes.paths.length));
    else await rebuild(request, changes, kind);
    return !request.noRebuild;
  };
  return { ...request, toImage };
}

/** What cannot be brought is told, and the service keeps what it has; `undefined` then. */
async function telling<T>({ emit }: SavesRequest, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (caught) {
    const error = caught instanceof KubeError ? kubeFailure(caught) : caught;
    if (!(error instanceof AzdsError)) throw error;
    const text = `${error.code}: ${error.message}; the running service was left as it is`;
    emit({ type: "message", level: "warning", text });
    return undefined;
  }
}

/** Why nothing can be brought in place, whatever the files; `undefined` when it can. */
function obstacleTo(live: LivePods): string | undefined {
  return live.any() ? live.refusal()?.why : "no container of the newest build runs";
}

function isDefinition(path: string): boolean {
  return path === CONFIG_FILE || /(?:^|\/)\.(?:git|docker)ignore$/.test(path);
}

async function rebuild(
  request: SavesRequest,
  changes: ChangeSet,
  { path, rule }: Pick<UpdateKind, "path" | "rule">,
): Promise<void> {
  const { saves, lastRebuild, emit } = request;
  // The rest of what is being saved just now.
  const all = new Set([...changes.paths, ...(await saves.quiet(REBUILD_SETTLE_MS))]);
  const last = lastRebuild();
  const cost = last === undefined ? "" : `; the last one took ${(last / 1000).toFixed(1)} s`;
  const text = `${subject(path, all.size)} changed: rebuilding the image, ${rule}${cost}`;
  emit({ type: "message", level: "info", text });
  await request.rebuild();
}

function refuse({ path, rule }: Pick<UpdateKind, "path" | "rule">, count: number): never {
  throw new AzdsError("REBUILD_REFUSED", `${subject(path, count)} changed and needs a new image, ${rule}`);
}
