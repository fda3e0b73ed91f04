/** One build: from a request to the image in the node's store, told as events. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { type BuildEvent, type BuildRequest, localImage } from "../core/builder-protocol.ts";
import { AzdsError } from "../core/errors.ts";
import type { Clock } from "../core/host/clock.ts";
import type { Run } from "../core/host/run.ts";
import { BUILD_MS_MAX, BUILD_SAID_LINES_MAX } from "../core/limits.ts";
import { buildArgv, type Buildctl, type BuildPlan, readBlobArgv } from "./buildctl.ts";
import { explainFailure } from "./failure.ts";
import type { NamespaceFolders } from "./folders.ts";
import type { Follow } from "./follow.ts";
import { parseMetadata, parseOciConfig } from "./image-config.ts";
import type { ImageStore } from "./images.ts";
import { createProgress, type ProgressEvent } from "./progress.ts";
import { createRedactor } from "./redact.ts";
import { parseSolveStatus } from "./solve-status.ts";

export interface BuildPorts {
  readonly follow: Follow;
  readonly run: Run;
  readonly clock: Clock;
  readonly images: ImageStore;
  readonly buildctl: Buildctl;
  /** Whole environment of buildctl. */
  readonly env: Readonly<Record<string, string>>;
}

export interface BuildOptions {
  readonly request: BuildRequest;
  readonly namespace: string;
  readonly folders: NamespaceFolders;
  /** Cancels the build, which then rejects. */
  readonly signal: AbortSignal;
  /** Gets every event but the last; the build waits for it. */
  readonly emit: (event: ProgressEvent) => Promise<void>;
}

/** Resolves with the last event, `done` or `failed`. */
export async function build(ports: BuildPorts, options: BuildOptions): Promise<BuildEvent> {
  const { request, namespace, folders } = options;
  const started = ports.clock.now();
  const plan: BuildPlan = {
    request,
    tree: join(folders.trees, request.tree),
    reference: localImage(namespace, request.image),
    namespace,
    metadataFile: join(folders.work, `${randomUUID()}.json`),
  };
  try {
    await useTree(plan.tree, request.tree, started);
    await mkdir(folders.work, { recursive: true });
    const failed = await solve(ports, plan, options);
    if (failed !== undefined) return failed;
    const { configDigest, digest } = parseMetadata(await readFile(plan.metadataFile, "utf8"));
    const config = parseOciConfig(await readBlob(ports, configDigest));
    const builtAt = ports.clock.now();
    await ports.images.save(folders, { image: plan.reference, digest, config, builtAt });
    return { type: "done", image: plan.reference, config, ms: builtAt - started };
  } catch (error) {
    if (error instanceof AzdsError) return { type: "failed", code: error.code, message: error.message };
    throw error;
  } finally {
    await rm(plan.metadataFile, { force: true });
  }
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
  const redact = createRedactor(plan.request.args);
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
    start(() => ports.follow(buildArgv(ports.buildctl, plan), { env: ports.env, signal, onLine })),
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

/** @throws AzdsError BUILDER_UNAVAILABLE when the image's configuration cannot be had */
async function readBlob(ports: BuildPorts, digest: string): Promise<string> {
  const { code, stdout, stderr } = await start(() =>
    ports.run(readBlobArgv(ports.buildctl, digest), { env: ports.env }),
  );
  if (code === 0) return stdout;
  throw new AzdsError("BUILDER_UNAVAILABLE", `BuildKit did not give the image's configuration: ${stderr.trim()}`);
}

async function start<T>(program: () => Promise<T>): Promise<T> {
  try {
    return await program();
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "EACCES")))
      throw cause;
    throw new AzdsError("BUILDER_UNAVAILABLE", "The builder of this node has no `buildctl`", { cause });
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
