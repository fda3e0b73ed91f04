/** Takes an image from the builder of another node, without the parts that this node has already. */
import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BlobQuery, ImageQuery } from "../core/builder-protocol.ts";
import { AzdsError } from "../core/errors.ts";
import { IMAGE_PARTS_MAX, PEERS_ASKED_MAX } from "../core/limits.ts";
import { asArray, asString, at, parseJson } from "../core/parse.ts";
import { bytesOf } from "../core/wire/byte-stream.ts";
import { messageReader, sendMessage } from "../core/wire/messages.ts";
import type { Mux } from "../core/wire/mux.ts";
import { hasBlob } from "./blobs.ts";
import type { BuildPorts } from "./build.ts";
import { IMPORT_DOCKERFILE, importArgv } from "./buildctl.ts";
import { findInDocker, readBuiltImage, withBuildctl } from "./built-image.ts";
import type { DockerImages } from "./docker-images.ts";
import { namespaceFolders } from "./folders.ts";
import { type ImageRecord, parseRecord } from "./images.ts";
import type { Peers } from "./peers.ts";
import { isDigest } from "./request.ts";
import type { RestorePorts, WantedImage } from "./restore.ts";

export interface FetchPorts extends BuildPorts {
  readonly root: string;
  readonly peers: Peers;
}

export function fetchFromPeers(ports: FetchPorts): RestorePorts["fetch"] {
  return async (wanted) => {
    const addresses = await ports.peers.addresses(wanted.signal);
    for (let start = 0; start < addresses.length; start += PEERS_ASKED_MAX) {
      const group = addresses.slice(start, start + PEERS_ASKED_MAX);
      const offers = await Promise.all(group.map((address) => ask(ports.peers, address, wanted)));
      const found = offers.filter((offer) => offer !== undefined);
      try {
        const [first] = found;
        if (first !== undefined) return await take(ports, first, wanted);
      } finally {
        await Promise.all(found.map(({ mux }) => mux.close().catch(() => undefined)));
      }
    }
    return "no other node has it";
  };
}

interface Offer {
  readonly mux: Mux;
  readonly record: ImageRecord;
}

/** `undefined` when that builder does not have it, or cannot be reached: another may have it. */
async function ask(peers: Peers, address: string, { image, signal }: WantedImage): Promise<Offer | undefined> {
  const mux = await peers.connect(address).catch(() => undefined);
  if (mux === undefined) return undefined;
  const leave = (): void => void mux.close().catch(() => undefined);
  signal.addEventListener("abort", leave, { once: true });
  try {
    const stream = mux.open("image");
    const query: ImageQuery = { image };
    await sendMessage(stream, query);
    const record = parseRecord(at((await messageReader(stream).next())?.head, "record"));
    if (record?.image === image) return { mux, record };
  } catch {
    // Gone in the middle.
  } finally {
    signal.removeEventListener("abort", leave);
  }
  leave();
  return undefined;
}

function take(ports: FetchPorts, offer: Offer, wanted: WantedImage): Promise<true> {
  const { docker } = ports;
  return docker === undefined ? takeBlobs(ports, offer, wanted) : takeArchive({ ...ports, docker }, offer, wanted);
}

async function takeBlobs(ports: FetchPorts, { mux, record }: Offer, wanted: WantedImage): Promise<true> {
  const { namespace, image, signal } = wanted;
  const folders = namespaceFolders(ports.root, namespace);
  const work = join(folders.work, randomUUID());
  const layout = join(work, "layout");
  const plan = { folder: work, layout, digest: record.digest, reference: image, metadataFile: join(work, "metadata") };
  try {
    await mkdir(join(layout, "blobs/sha256"), { recursive: true });
    await writeFile(join(work, "Dockerfile"), IMPORT_DOCKERFILE);
    const manifest = await readFile(await takeBlob(mux, layout, record.digest), "utf8");
    for (const digest of partsOf(manifest)) {
      signal.throwIfAborted();
      // Layers that the node has, as those of a common base image, are not sent.
      if (!(await hasBlob(ports, digest))) await takeBlob(mux, layout, digest);
    }
    const { code, stderr } = await withBuildctl(() =>
      ports.run(importArgv(ports.buildctl, plan), { env: ports.env, signal }),
    );
    signal.throwIfAborted();
    if (code !== 0) {
      const said = stderr.trim().split("\n").at(-1) ?? "";
      throw new AzdsError("BUILDER_UNAVAILABLE", `BuildKit did not take the image: ${said}`);
    }
    const built = await readBuiltImage(ports, plan);
    await ports.images.save(folders, { image, ...built, builtAt: ports.clock.now() });
    return true;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Whole, as Docker neither gives nor takes single layers. */
async function takeArchive(
  ports: FetchPorts & { readonly docker: DockerImages },
  { mux }: Offer,
  { namespace, image, signal }: WantedImage,
): Promise<true> {
  const { docker } = ports;
  const stream = mux.open("archive");
  const query: ImageQuery = { image };
  await sendMessage(stream, query);
  await docker.load(bytesOf(stream), signal);
  const built = await findInDocker(docker, image);
  await ports.images.save(namespaceFolders(ports.root, namespace), { image, ...built, builtAt: ports.clock.now() });
  return true;
}

/** The file of the layout that it now is. BuildKit checks the content against the digest when it takes it. */
async function takeBlob(mux: Mux, layout: string, digest: string): Promise<string> {
  const path = join(layout, "blobs/sha256", digest.slice("sha256:".length));
  const stream = mux.open("blob");
  const query: BlobQuery = { digest };
  await sendMessage(stream, query);
  const file = await open(path, "w");
  try {
    for await (const bytes of bytesOf(stream)) await file.writeFile(bytes);
  } finally {
    await file.close();
  }
  return path;
}

/** Digests of configuration and layers (OCI image specification, manifest.md). @throws AzdsError PROTOCOL for anything else */
function partsOf(text: string): readonly string[] {
  const manifest = parseJson(text, { code: "PROTOCOL", path: "manifest of the image" });
  const parts = [at(manifest, "config"), ...asArray(at(manifest, "layers"))];
  const digests = parts.flatMap((part) => asString(at(part, "digest")) ?? []);
  const isPlain = digests.length === parts.length && digests.every(isDigest);
  if (isPlain && digests.length <= IMAGE_PARTS_MAX) return digests;
  throw new AzdsError("PROTOCOL", "The other builder's image has no plain manifest");
}
