/** What each stream of a client does (core/builder-protocol.ts). */
import { statfs } from "node:fs/promises";
import {
  type BuildEvent,
  type BuilderStatus,
  DISK_FULL,
  SSH_STREAM,
  type WaitAnswer,
  type WaitNews,
} from "../core/builder-protocol.ts";
import { AzdsError } from "../core/errors.ts";
import type { Log } from "../core/host/log.ts";
import { BUILDER_STATUS_MS_MAX, IMAGE_BELIEVED_MS } from "../core/limits.ts";
import type { ByteStream } from "../core/wire/byte-stream.ts";
import { messageReader, sendMessage } from "../core/wire/messages.ts";
import { asString, at } from "../core/parse.ts";
import { awaitImages, type ImageNews } from "./await-images.ts";
import { sendBlob } from "./blobs.ts";
import { build, type BuildOptions, type BuildPorts } from "./build.ts";
import { listWorkersArgv } from "./buildctl.ts";
import type { Client, ServeStream } from "./connection.ts";
import { serveBuilt, serveEdits } from "./edits.ts";
import { type NamespaceFolders, namespaceFolders } from "./folders.ts";
import type { MakeRoom } from "./make-room.ts";
import type { Peers } from "./peers.ts";
import { isDigest, namespaceOfImage, parseBuildRequest, parseWaitRequest } from "./request.ts";
import type { Restorer } from "./restore.ts";
import { receiveSecrets } from "./secrets.ts";

export interface StreamPorts extends BuildPorts {
  /** Receives a synced tree into the namespace's folders. */
  readonly sync: (stream: ByteStream, folders: NamespaceFolders) => Promise<void>;
  readonly restorer: Restorer;
  readonly peers: Peers;
  /** For what failed on a full disk. */
  readonly makeRoom: MakeRoom;
  /** Hears what clients wait for. */
  readonly onNews: (news: ImageNews) => void;
  readonly log: Log;
  /** Folder of all namespaces. */
  readonly root: string;
  readonly node: string;
  readonly version: string;
}

export function streamServer(ports: StreamPorts): ServeStream {
  return async (client, name, stream) => {
    switch (name) {
      case "sync":
        return ports.sync(stream, namespaceFolders(ports.root, client.namespace));
      case "build":
        return serveBuild(ports, client, stream);
      case "wait":
        return serveWait(ports, client, stream);
      case "status":
        return serveStatus(ports, stream);
      case "edits":
        return serveEdits(ports, client, stream);
      case "built":
        return serveBuilt(ports, client, stream);
      case "image":
      case "blob":
      case "archive":
        if (client.peer) return PEER_STREAMS[name](ports, client, stream);
        throw new AzdsError("FORBIDDEN", "Only builders may ask for images of other nodes");
      default:
        throw new AzdsError("PROTOCOL", `The builder has no stream \`${name}\``);
    }
  };
}

const PEER_STREAMS = { image: serveImage, blob: serveBlob, archive: serveArchive } as const;

async function serveBuild(ports: StreamPorts, client: Client, stream: ByteStream): Promise<void> {
  const { namespace } = client;
  const reader = messageReader(stream);
  const request = parseBuildRequest((await reader.next())?.head);
  const contents = await receiveSecrets(reader, request);
  const needsSecrets = contents.size > 0 || request.ssh !== undefined;
  const secrets = needsSecrets ? { secrets: { contents, openAgent: () => client.open(SSH_STREAM) } } : {};
  const signal = whenGone(client, reader.next());
  ports.log("info", "A build starts", { namespace, session: request.session, image: request.image });
  const folders = namespaceFolders(ports.root, namespace);
  const emit = (event: BuildEvent): Promise<void> => sendMessage(stream, event);
  const options = { request, namespace, folders, signal, emit, ...secrets };
  const first = await build(ports, options);
  const last = isDiskFull(first) ? await buildWithRoom(ports, options) : first;
  ports.log("info", "A build ended", { namespace, session: request.session, image: request.image, ...outcome(last) });
  await emit(last);
  await stream.end();
}

function isDiskFull(event: BuildEvent): boolean {
  return event.type === "failed" && DISK_FULL.test(event.message);
}

/** Once more, after what the builder can make again is gone; both are told as steps of the build. */
async function buildWithRoom({ makeRoom, ...ports }: StreamPorts, options: BuildOptions): Promise<BuildEvent> {
  const step = { type: "step", id: "make-room" } as const;
  const name = "The disk of the node is full: removing build cache and old sources, then building once more";
  const started = ports.clock.now();
  await options.emit({ ...step, name, state: "started" });
  await makeRoom();
  await options.emit({ ...step, name, state: "done", ms: ports.clock.now() - started });
  return build(ports, options);
}

/** Without the message of a failure: it quotes the developer's sources. */
function outcome(event: BuildEvent): Readonly<Record<string, unknown>> {
  if (event.type === "failed") return { failed: event.code };
  return event.type === "done" ? { ms: event.ms } : {};
}

async function serveWait(ports: StreamPorts, client: Client, stream: ByteStream): Promise<void> {
  const reader = messageReader(stream);
  const { images, news } = parseWaitRequest((await reader.next())?.head, {
    ...client,
    prefix: ports.prefix,
  });
  const signal = whenGone(client, reader.next());
  const onNews = (told: ImageNews): void => {
    ports.onNews(told);
    const message: WaitNews = { news: told.text };
    // A client that is gone aborts the signal.
    if (news === true) sendMessage(stream, message).catch(() => {});
  };
  const { namespace } = client;
  const found = await awaitImages(ports, { namespace, images, believeMs: IMAGE_BELIEVED_MS, onNews, signal });
  const answer: WaitAnswer = { images: found };
  await sendMessage(stream, answer);
  await stream.end();
}

async function serveStatus(ports: StreamPorts, stream: ByteStream): Promise<void> {
  const [buildkit, space] = await Promise.all([isBuildkitUp(ports), spaceOf(ports.root)]);
  const status: BuilderStatus = { node: ports.node, version: ports.version, buildkit, ...space };
  await sendMessage(stream, status);
  await stream.end();
}

/** Never asks other builders in turn. */
async function serveImage(ports: StreamPorts, client: Client, stream: ByteStream): Promise<void> {
  const reader = messageReader(stream);
  const image = asString(at((await reader.next())?.head, "image")) ?? "";
  const namespace = namespaceOfImage(ports.prefix, image);
  const signal = whenGone(client, reader.next());
  const record =
    namespace === undefined ? undefined : await ports.restorer.own({ namespace, image, believeMs: 0, signal });
  await sendMessage(stream, { record });
  await stream.end();
}

/** An image of Docker's store, which has no blobs to ask for. */
async function serveArchive({ docker, prefix }: StreamPorts, client: Client, stream: ByteStream): Promise<void> {
  const image = asString(at((await messageReader(stream).next())?.head, "image")) ?? "";
  if (docker === undefined || namespaceOfImage(prefix, image) === undefined)
    throw new AzdsError("PROTOCOL", "This builder has no archives of images");
  for await (const bytes of await docker.save(image, client.signal)) await stream.write(bytes);
  await stream.end();
}

async function serveBlob(ports: StreamPorts, _client: Client, stream: ByteStream): Promise<void> {
  const digest = asString(at((await messageReader(stream).next())?.head, "digest")) ?? "";
  if (!isDigest(digest)) throw new AzdsError("PROTOCOL", "The name of a blob is `sha256:` and 64 hexadecimal digits");
  await sendBlob(ports, digest, (bytes) => stream.write(bytes));
  await stream.end();
}

async function spaceOf(folder: string): Promise<Pick<BuilderStatus, "freeBytes" | "totalBytes">> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return { freeBytes: 0, totalBytes: 0 };
  }
}

async function isBuildkitUp({ run, buildctl, env }: StreamPorts): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(BUILDER_STATUS_MS_MAX);
    return (await run(listWorkersArgv(buildctl), { env, signal })).code === 0;
  } catch {
    // Not started, or not answered in time: either way it is not up.
    return false;
  }
}

/** Aborted when the connection is over or the stream breaks; an orderly end of the client's side says nothing. */
function whenGone(client: Client, next: Promise<unknown>): AbortSignal {
  const broken = new AbortController();
  next.catch((error: unknown) => broken.abort(error));
  return AbortSignal.any([client.signal, broken.signal]);
}
