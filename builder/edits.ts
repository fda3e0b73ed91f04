/**
 * Hands out the edits of a session (core/edits.ts) that the developer's command has left here, or with the builder of
 * another node, from where they are taken over first: the newest ones count.
 */
import { stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import {
  type BuiltAnswer,
  type EditsAnswer,
  type EditsQuery,
  type FoundEdits,
  parseBuiltAnswer,
  parseEditsAnswer,
} from "../core/builder-protocol.ts";
import { countEdits, editsTree } from "../core/edits.ts";
import type { Log } from "../core/host/log.ts";
import { EDITS_PEERS_MS_MAX, PEERS_ASKED_MAX } from "../core/limits.ts";
import { sendTree } from "../core/sync/send.ts";
import type { ByteStream } from "../core/wire/byte-stream.ts";
import { messageReader, sendMessage } from "../core/wire/messages.ts";
import type { Mux } from "../core/wire/mux.ts";
import type { Client } from "./connection.ts";
import { type NamespaceFolders, namespaceFolders } from "./folders.ts";
import type { Peers } from "./peers.ts";
import { parseEditsQuery } from "./request.ts";
import { dateManifest, readBuilt, readManifest, writeBuilt } from "./tree-manifest.ts";
import { readVersion } from "./tree-version.ts";

export interface EditsPorts {
  readonly peers: Peers;
  /** Receives a synced tree into the namespace's folders. */
  readonly sync: (stream: ByteStream, folders: NamespaceFolders) => Promise<void>;
  readonly log: Log;
  /** Folder of all namespaces. */
  readonly root: string;
}

/** @throws AzdsError PROTOCOL */
export async function serveEdits(ports: EditsPorts, client: Client, stream: ByteStream): Promise<void> {
  const reader = messageReader(stream);
  const asked = askedBy(client, (await reader.next())?.head);
  const folders = namespaceFolders(ports.root, asked.namespace);
  if (asked.peers) await takeNewest(ports, folders, asked);
  const found = await findEdits(folders, asked);
  await sendMessage(stream, (found ?? {}) satisfies EditsAnswer);
  const tree = editsTree(asked);
  const kept =
    found === undefined || (await reader.next()) === undefined ? undefined : await readManifest(folders, tree);
  if (kept === undefined) return stream.end();
  const root = join(folders.trees, tree);
  await sendTree(stream, { tree, root, manifest: kept.manifest, signal: client.signal });
  // Its own time says when it was last used (builder/cleanup.ts).
  await utimes(root, new Date(), new Date());
}

/** @throws AzdsError PROTOCOL */
export async function serveBuilt(ports: EditsPorts, client: Client, stream: ByteStream): Promise<void> {
  const asked = askedBy(client, (await messageReader(stream).next())?.head);
  const folders = namespaceFolders(ports.root, asked.namespace);
  let manifest = await readBuilt(folders, asked);
  if (manifest === undefined && asked.peers) {
    const signal = AbortSignal.timeout(EDITS_PEERS_MS_MAX);
    await askPeers(ports, signal, async (mux) => {
      const { answer } = await question(mux, "built", asked);
      manifest ??= parseBuiltAnswer(answer);
    });
    if (manifest !== undefined) await writeBuilt(folders, asked, manifest);
  }
  await sendMessage(stream, (manifest === undefined ? {} : { entries: manifest.entries }) satisfies BuiltAnswer);
  await stream.end();
}

type Asked = EditsQuery & { readonly namespace: string };

function askedBy(client: Client, head: unknown): Asked {
  const query = parseEditsQuery(head);
  if (!client.peer) return { ...query, namespace: client.namespace };
  return { ...query, peers: false, namespace: query.namespace ?? client.namespace };
}

async function findEdits(folders: NamespaceFolders, asked: Asked): Promise<FoundEdits | undefined> {
  const tree = editsTree(asked);
  const [kept, id] = await Promise.all([readManifest(folders, tree), readVersion(folders, tree)]);
  if (kept === undefined || id === undefined || !(await exists(join(folders.trees, tree)))) return undefined;
  return { edits: countEdits(kept.manifest), id, at: kept.at };
}

/** Never rejects: what is here counts then. */
async function takeNewest(ports: EditsPorts, folders: NamespaceFolders, asked: Asked): Promise<void> {
  const signal = AbortSignal.timeout(EDITS_PEERS_MS_MAX);
  let newest: { readonly at: number; readonly address: string } = {
    at: (await findEdits(folders, asked))?.at ?? 0,
    address: "",
  };
  await askPeers(ports, signal, async (mux, address) => {
    const found = parseEditsAnswer((await question(mux, "edits", asked)).answer);
    if (found !== undefined && found.at > newest.at) newest = { at: found.at, address };
  });
  if (newest.address === "") return;
  const { at, address } = newest;
  await ask(ports, { address, signal }, async (mux) => {
    const { stream } = await question(mux, "edits", asked);
    await sendMessage(stream, { take: true });
    await ports.sync(stream, folders);
    await dateManifest(folders, editsTree(asked), at);
  });
}

type Work = (mux: Mux, address: string) => Promise<void>;

/** Resolves with the last of them, or with the signal. Never rejects. */
async function askPeers(ports: EditsPorts, signal: AbortSignal, work: Work): Promise<void> {
  const all = async (): Promise<void> => {
    const addresses = await ports.peers.addresses(signal);
    for (let start = 0; start < addresses.length && !signal.aborted; start += PEERS_ASKED_MAX) {
      const group = addresses.slice(start, start + PEERS_ASKED_MAX);
      await Promise.all(group.map((address) => ask(ports, { address, signal }, work)));
    }
  };
  const late = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  await Promise.race([all().catch((error: unknown) => tell(ports, error)), late]);
}

/** Never rejects: who cannot be asked has nothing. */
async function ask(
  ports: EditsPorts,
  { address, signal }: { readonly address: string; readonly signal: AbortSignal },
  work: Work,
): Promise<void> {
  try {
    const mux = await ports.peers.connect(address);
    const leave = (): void => void mux.close().catch(() => undefined);
    signal.addEventListener("abort", leave, { once: true });
    try {
      if (!signal.aborted) await work(mux, address);
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  } catch (error) {
    tell(ports, error);
  }
}

function tell({ log }: EditsPorts, error: unknown): void {
  log("warn", "Another builder could not be asked for edits", { error: String(error) });
}

async function question(
  mux: Mux,
  name: "edits" | "built",
  { session, build, namespace }: Asked,
): Promise<{ readonly stream: ByteStream; readonly answer: unknown }> {
  const stream = mux.open(name);
  await sendMessage(stream, { session, build, namespace, peers: false } satisfies EditsQuery);
  return { stream, answer: (await messageReader(stream).next())?.head };
}

async function exists(folder: string): Promise<boolean> {
  return stat(folder).then(
    () => true,
    () => false,
  );
}
