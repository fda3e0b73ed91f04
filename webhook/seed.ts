/**
 * A volume over the folder in which synced files land, for images whose own folder the container could not write into:
 * it belongs to another user, or the root file system is read-only. `devspaces-seed` fills it from the image first.
 */
import { posix } from "node:path";
import { AGENT_FOLDER, CONTAINER, EXECUTABLE, PROGRAM, SEED_MOUNT, SYNC_VOLUME } from "../core/contract.ts";
import { asArray, asString, at, type JsonObject } from "../core/parse.ts";
import type { Container } from "./pod.ts";
import type { Warning } from "./reasons.ts";
import { literalWord } from "./session-images.ts";

export interface SeedPlan {
  /** The session's container, with the volume where there is one. */
  readonly container: Container;
  /** None, or one of each. */
  readonly initContainers: readonly Container[];
  readonly volumes: readonly JsonObject[];
  readonly warnings: readonly Warning[];
}

export interface SeedOptions {
  /** Absolute folder; empty: no volume is wished for. */
  readonly folder: string;
  /** `spec.volumes` of the user. */
  readonly volumes: readonly unknown[];
  /** Of the init container. */
  readonly resources: JsonObject;
}

/** @param container of the session, already under the agent */
export function planSeed(container: Container, options: SeedOptions): SeedPlan {
  const none = { container, initContainers: [], volumes: [], warnings: [] };
  if (options.folder === "") return none;
  const folder = normal(options.folder);
  const obstacle = obstacleOf(container, folder, options.volumes);
  if (obstacle !== undefined) return { ...none, warnings: [{ code: "sync-volume", detail: obstacle }] };
  return {
    container: {
      ...container,
      volumeMounts: [...asArray(container["volumeMounts"]), { name: SYNC_VOLUME, mountPath: folder }],
    },
    initContainers: [seedContainer(container, folder, options.resources)],
    volumes: [{ name: SYNC_VOLUME, emptyDir: {} }],
    warnings: [],
  };
}

/** Why no volume can be laid, in the words of the pod; a pod that the API server would refuse must never come of it. */
function obstacleOf(container: Container, folder: string, volumes: readonly unknown[]): string | undefined {
  const isSound = folder.startsWith("/") && folder !== "/" && !folder.includes(":");
  if (!isSound || [AGENT_FOLDER, SEED_MOUNT].some((ours) => holds(ours, folder) || holds(folder, ours))) return folder;
  if (volumes.some((volume) => at(volume, "name") === SYNC_VOLUME)) return SYNC_VOLUME;
  // The user's volume at this place was meant; in a mount at ours it would be ours that is hidden.
  return mountPaths(container).find((path) => path === folder || holds(SEED_MOUNT, path) || holds(path, SEED_MOUNT));
}

/**
 * The container's twin as far as reading and writing files goes: image, user, rights and mounts. Mounts below the folder
 * stay away: what they hide of the image does no harm, and what they hold is not to be copied. `subPathExpr` of a mount
 * needs the environment.
 */
function seedContainer(container: Container, folder: string, resources: JsonObject): Container {
  const { image, imagePullPolicy, env, envFrom, securityContext } = container;
  const mounts = asArray(container["volumeMounts"]).filter((mount) => !holds(folder, mountPath(mount)));
  return {
    name: CONTAINER.seed,
    image,
    imagePullPolicy,
    command: [EXECUTABLE, PROGRAM.seed, literalWord(folder), SEED_MOUNT],
    // The image's own may be closed to the user.
    workingDir: "/",
    ...(env === undefined ? {} : { env }),
    ...(envFrom === undefined ? {} : { envFrom }),
    resources,
    terminationMessagePolicy: "FallbackToLogsOnError",
    ...(securityContext === undefined ? {} : { securityContext }),
    volumeMounts: [...mounts, { name: SYNC_VOLUME, mountPath: SEED_MOUNT }],
  };
}

function mountPaths(container: Container): readonly string[] {
  return asArray(container["volumeMounts"]).map(mountPath);
}

function mountPath(mount: unknown): string {
  return normal(asString(at(mount, "mountPath")) ?? "");
}

/** Whether `path` is `folder` or lies below it; both are normal. */
function holds(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function normal(path: string): string {
  const normalized = posix.normalize(path);
  return normalized.length > 1 && normalized.endsWith("/") ? normalized.slice(0, -1) : normalized;
}
