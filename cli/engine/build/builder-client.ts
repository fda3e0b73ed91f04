/** One connection to the builder of a pod's node, through the pod's own tunnel: sync the context, build, follow the progress. */
import { connect } from "node:net";
import {
  type BuildEvent,
  type BuildRequest,
  type BuildSecret,
  type EditsQuery,
  type FoundEdits,
  parseBuildEvent,
  parseBuiltAnswer,
  parseEditsAnswer,
  SSH_STREAM,
} from "../../../core/builder-protocol.ts";
import { PORT } from "../../../core/contract.ts";
import { AzdsError } from "../../../core/errors.ts";
import type { Clock } from "../../../core/host/clock.ts";
import { openPortForward } from "../../../core/kube/port-forward.ts";
import { type KubeClient, KubeError } from "../../../core/kube/types.ts";
import { TUNNEL_MS_MAX, TUNNEL_RETRY_MS, TUNNEL_TRIES_MAX } from "../../../core/limits.ts";
import { asNumber, asString, at } from "../../../core/parse.ts";
import type { SessionTag } from "../../../core/session.ts";
import type { Manifest } from "../../../core/sync/manifest.ts";
import { sendTree, type SyncResult } from "../../../core/sync/send.ts";
import type { ByteStream } from "../../../core/wire/byte-stream.ts";
import { messageReader, sendMessage } from "../../../core/wire/messages.ts";
import { createMux, type Mux } from "../../../core/wire/mux.ts";
import { pipe } from "../../../core/wire/pipe.ts";
import { streamOfSocket } from "../../../core/wire/socket-stream.ts";

export interface BuildSource {
  /** Absolute folder of the context. */
  readonly root: string;
  readonly manifest: Manifest;
  /** Name of the tree at the builder: `<session>/<context id>`. */
  readonly tree: string;
}

export interface BuildOrder {
  readonly request: BuildRequest;
  /** Contents of what the request announces, by id. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  readonly onEvent: (event: BuildEvent) => void;
}

export interface BuilderClient {
  readonly sync: (source: BuildSource) => Promise<SyncResult>;
  /** Resolves with the built image's reference. @throws AzdsError BUILD_FAILED, BUILDER_UNAVAILABLE, CONNECTION_LOST */
  readonly build: (order: BuildOrder) => Promise<string>;
  /** Of the node's disk: how much is free, in words. */
  readonly space: () => Promise<string>;
  /** What the image of a build was made from; `undefined` when no builder knows. */
  readonly built: (tag: SessionTag) => Promise<Manifest | undefined>;
  /** The edits of a build that are here. */
  readonly edits: (tag: SessionTag) => Promise<FoundEdits | undefined>;
  readonly close: () => Promise<void>;
}

export interface TunnelOptions {
  readonly namespace: string;
  readonly pod: string;
  /** Where the developer's SSH agent listens; `undefined` for builds that do not use it. */
  readonly agent: string | undefined;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/**
 * The tunnel's container may have started this very moment, and its kubelet too: both are tried again, TUNNEL_TRIES_MAX
 * times in TUNNEL_MS_MAX.
 */
export async function openBuilderClient(kube: KubeClient, options: TunnelOptions): Promise<BuilderClient> {
  let failure: unknown;
  const deadline = options.clock.now() + TUNNEL_MS_MAX;
  for (let attempt = 0; attempt < TUNNEL_TRIES_MAX && options.clock.now() <= deadline; attempt += 1) {
    options.signal.throwIfAborted();
    try {
      return await openOnce(kube, options);
    } catch (error) {
      if (isOfApiServer(error)) throw error;
      failure = error;
    }
    await options.clock.sleep(TUNNEL_RETRY_MS, options.signal);
  }
  throw new AzdsError(
    "BUILDER_UNAVAILABLE",
    `The builder cannot be reached through pod \`${options.pod}\`: ${messageOf(failure)}`,
    { cause: failure },
  );
}

/** Its refusal, or its absence, which whoever deploys waits out. */
function isOfApiServer(error: unknown): boolean {
  return error instanceof KubeError || (error instanceof AzdsError && error.code === "CLUSTER_UNREACHABLE");
}

async function openOnce(kube: KubeClient, options: TunnelOptions): Promise<BuilderClient> {
  const mux = await openMux(kube, options);
  try {
    await checkStatus(mux);
    return clientOf(mux, options.signal);
  } catch (error) {
    await mux.close().catch(() => undefined);
    throw error;
  }
}

async function openMux(kube: KubeClient, options: TunnelOptions): Promise<Mux> {
  const carrier = await openPortForward(kube.connection, {
    namespace: options.namespace,
    pod: options.pod,
    port: PORT.build,
    signal: options.signal,
  });
  const { agent } = options;
  if (agent === undefined) return createMux(carrier, { role: "client" });
  return createMux(carrier, { role: "client", accept: (name, stream) => forwardAgent(agent, name, stream) });
}

/** The builder asks for it while a step with `--mount=type=ssh` runs. */
function forwardAgent(agent: string, name: string, stream: ByteStream): void {
  if (name !== SSH_STREAM) {
    stream.abort(new AzdsError("PROTOCOL", `The builder opened a stream \`${name}\``));
    return;
  }
  const socket = connect({ path: agent, allowHalfOpen: true });
  pipe(stream, streamOfSocket(socket)).catch(() => socket.destroy());
}

/** The first answer proves that tunnel, builder and buildkitd are all there. */
async function checkStatus(mux: Mux): Promise<void> {
  const status = await askStatus(mux);
  if (at(status, "buildkit") !== true) {
    throw new AzdsError(
      "BUILDER_UNAVAILABLE",
      `buildkitd does not answer on node \`${asString(at(status, "node")) ?? "unknown"}\``,
    );
  }
}

async function askStatus(mux: Mux): Promise<unknown> {
  return (await messageReader(mux.open("status")).next())?.head;
}

async function spaceOf(mux: Mux): Promise<string> {
  const status = await askStatus(mux);
  const megabytes = (key: string): number => Math.floor((asNumber(at(status, key)) ?? 0) / 1_000_000);
  return `${megabytes("freeBytes")} MB of ${megabytes("totalBytes")} MB are free`;
}

function clientOf(mux: Mux, signal: AbortSignal): BuilderClient {
  return {
    sync: async (source) =>
      sendTree(mux.open("sync"), { tree: source.tree, root: source.root, manifest: source.manifest, signal }),
    build: async (order) => runBuild(mux, order, signal),
    space: async () => spaceOf(mux),
    built: async (tag) => parseBuiltAnswer(await ask(mux, "built", { ...tag, peers: true })),
    edits: async (tag) => parseEditsAnswer(await ask(mux, "edits", { ...tag, peers: false })),
    close: async () => mux.close(),
  };
}

async function ask(mux: Mux, name: "built" | "edits", query: EditsQuery): Promise<unknown> {
  const stream = mux.open(name);
  await sendMessage(stream, query);
  const answer = await messageReader(stream).next();
  await stream.end();
  return answer?.head;
}

async function runBuild(mux: Mux, { request, secrets, onEvent }: BuildOrder, signal: AbortSignal): Promise<string> {
  const stream = mux.open("build");
  // The builder stops the build when its stream breaks.
  const cancel = (): void => stream.abort(new AzdsError("DECLINED", "The build was cancelled"));
  signal.addEventListener("abort", cancel, { once: true });
  try {
    await sendMessage(stream, request);
    for (const [secret, content] of secrets) {
      const head: BuildSecret = { secret };
      await sendMessage(stream, head, content);
    }
    const reader = messageReader(stream);
    for (let message = await reader.next(); message !== undefined; message = await reader.next()) {
      const event = parseBuildEvent(message.head);
      onEvent(event);
      if (event.type === "done") return event.image;
      if (event.type === "failed") throw new AzdsError(event.code, event.message);
    }
    throw new AzdsError("CONNECTION_LOST", "The builder ended the connection before the build was done");
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "no answer";
}
