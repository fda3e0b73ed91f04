/** One build: from a request to the image in the node's store, told as events. */
import { randomUUID } from "node:crypto";
import { mkdir, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { type BuildEvent, type BuildRequest, builtImage, isInRegistry } from "../core/builder-protocol.ts";
import { AzdsError } from "../core/errors.ts";
import type { Clock } from "../core/host/clock.ts";
import { BUILD_MS_MAX, BUILD_SAID_LINES_MAX } from "../core/limits.ts";
import { buildArgv, type BuildPlan, forgetBuildsArgv } from "./buildctl.ts";
import { type BuildctlPorts, readBuiltImage, withBuildctl } from "./built-image.ts";
import { explainFailure } from "./failure.ts";
import type { NamespaceFolders } from "./folders.ts";
import type { Follow } from "./follow.ts";
import type { ImageStore } from "./images.ts";
import { createProgress, type ProgressEvent } from "./progress.ts";
import { createRedactor } from "./redact.ts";
import { type BuildSecrets, mountSecrets, type Mounted } from "./secrets.ts";
import { parseSolveStatus } from "./solve-status.ts";
import { keepBuilt } from "./tree-manifest.ts";
import { readVersion } from "./tree-version.ts";

export interface BuildPorts extends BuildctlPorts {
  readonly follow: Follow;
  readonly clock: Clock;
  readonly images: ImageStore;
  /** Folder in memory. */
  readonly secretsRoot: string;
}

export interface BuildOptions {
  readonly request: BuildRequest;
  readonly namespace: string;
  readonly folders: NamespaceFolders;
  readonly secrets?: BuildSecrets;
  /** Cancels the build, which then rejects. */
  readonly signal: AbortSignal;
  /** Gets every event but the last; the build waits for it. */
  readonly emit: (event: ProgressEvent) => Promise<void>;
}

/** Resolves with the last event, `done` or `failed`. */
export async function build(ports: BuildPorts, options: BuildOptions): Promise<BuildEvent> {
  const { request, namespace, folders } = options;
  const started = ports.clock.now();
  const base = {
    request,
    tree: join(folders.trees, request.tree),
    reference: builtImage({ prefix: ports.prefix, namespace }, request.image),
    place: placeOf(ports),
    namespace,
    metadataFile: join(folders.work, `${randomUUID()}.json`),
  };
  try {
    await useTree(base.tree, request.tree, started);
    const version = await readVersion(folders, request.tree);
    await mkdir(folders.work, { recursive: true });
    const built = await withSecrets(ports, options, async ({ options: mounts, env }) => {
      const failed = await solve({ ...ports, env: { ...ports.env, ...env } }, { ...base, mounts }, options);
      // A store of BuildKit's own keeps what was pushed only until the build is forgotten.
      return failed ?? readBuiltImage(ports, base);
    });
    if ("type" in built) return built;
    const { digest, config } = built;
    const builtAt = ports.clock.now();
    const source = version !== undefined && version === (await readVersion(folders, request.tree));
    await ports.images.save(folders, {
      image: base.reference,
      digest,
      config,
      builtAt,
      ...(source ? { source: { request: { ...withoutSecrets(request), clean: false }, version } } : {}),
    });
    if (source) await keepBuilt(folders, request.tree, request.image);
    return { type: "done", image: base.reference, config, ms: builtAt - started };
  } catch (error) {
    if (error instanceof AzdsError) return { type: "failed", code: error.code, message: error.message };
    throw error;
  } finally {
    await rm(base.metadataFile, { force: true });
  }
}

function placeOf({ prefix, docker }: BuildPorts): BuildPlan["place"] {
  if (isInRegistry(prefix)) return "registry";
  return docker === undefined ? "containerd" : "docker";
}

/** Without secrets nothing is written anywhere. */
async function withSecrets<T>(
  ports: BuildPorts,
  { request, secrets }: BuildOptions,
  work: (mounted: Pick<Mounted, "options" | "env">) => Promise<T>,
): Promise<T> {
  if (secrets === undefined) return work({ options: [], env: {} });
  await using mounted = await mountSecrets(
    { root: ports.secretsRoot, dockerConfig: ports.env["DOCKER_CONFIG"] },
    request,
    secrets,
  );
  try {
    return await work(mounted);
  } finally {
    // BuildKit keeps the log of each build, and a step may have printed what it was trusted with.
    await ports.run(forgetBuildsArgv(ports.buildctl), { env: ports.env }).catch(() => undefined);
  }
}

/** Built again without the developer, a step that needs a secret must come from the cache. */
function withoutSecrets({ secrets: _secrets, ssh: _ssh, registryAuth: _auth, ...request }: BuildRequest): BuildRequest {
  return request;
}

/** The tree's own time says when it was last used (builder/cleanup.ts). @throws AzdsError PROTOCOL when it was never synced */
async function useTree(folder: string, name: string, now: number): Promise<void> {
  try {
    await utimes(folder, now / 1000, now / 1000);
  } catch (cause) {
    throw new AzdsError("PROTOCOL", `The builder has no sources \`${name}\``, { cause });
  }
}

/** Runs buildctl; `undefined` after success. */
async function solve(ports: BuildPorts, plan: BuildPlan, options: BuildOptions): Promise<BuildEvent | undefined> {
  const redact = createRedactor(plan.request.args, options.secrets?.contents.values());
  const progress = createProgress();
  const said: string[] = [];
  const tell = async (events: readonly ProgressEvent[]): Promise<void> => {
    for (const event of events) await options.emit(redacted(event, redact));
  };
  const onLine = async (line: string): Promise<void> => {
    const status = parseSolveStatus(line);
    if (status === undefined) said.push(line);
    else await tell(progress.push(status));
    said.splice(0, said.length - BUILD_SAID_LINES_MAX);
  };
  const code = await withinTime(ports.clock, options.signal, (signal) =>
    withBuildctl(() => ports.follow(buildArgv(ports.buildctl, plan), { env: ports.env, signal, onLine })),
  );
  await tell(progress.end());
  if (code === 0) return undefined;
  const failure = explainFailure({ said, log: progress.failedLog() });
  return { ...failure, message: redact(failure.message) };
}

/** @throws AzdsError TIMED_OUT after BUILD_MS_MAX; the signal's reason when that ended the work */
async function withinTime<T>(clock: Clock, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  const done = new AbortController();
  void clock.sleep(BUILD_MS_MAX, done.signal).then(
    () => over.abort(new AzdsError("TIMED_OUT", `The build took longer than ${BUILD_MS_MAX / 60_000} minutes`)),
    () => {},
  );
  try {
    const both = AbortSignal.any([signal, over.signal]);
    const result = await work(both);
    both.throwIfAborted();
    return result;
  } finally {
    done.abort();
  }
}

function redacted(event: ProgressEvent, redact: (text: string) => string): ProgressEvent {
  switch (event.type) {
    case "step":
      return { ...event, name: redact(event.name) };
    case "log":
      return { ...event, text: redact(event.text) };
  }
}
