/**
 * One image as a tar archive that every common tool can load: an OCI image layout (image-spec v1.1, image-layout.md)
 * with the `manifest.json` that `docker load` reads beside it.
 */
import { PROXY_UID } from "../../core/contract.ts";
import type { Architecture } from "./elf.ts";
import { tarPieces, type TarEntry } from "./tar.ts";

export interface ImageSpec {
  /** `<registry>/<repository>:<tag>`. */
  readonly reference: string;
  readonly architecture: Architecture;
  readonly entrypoint: readonly string[];
  /** Labels of the image, for people who inspect it. */
  readonly labels: Readonly<Record<string, string>>;
  /** The only layer, in the order given. */
  readonly files: readonly TarEntry[];
}

interface Blob {
  readonly digest: string;
  readonly size: number;
  readonly pieces: readonly Uint8Array[];
}

const MEDIA_TYPE = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  // Not compressed: packing costs more time than the short ways this archive travels.
  layer: "application/vnd.oci.image.layer.v1.tar",
} as const;

/** The archive in pieces; the same image gives the same bytes. */
export function imageArchive(image: ImageSpec): readonly Uint8Array[] {
  const layer = blob(tarPieces(image.files));
  const config = jsonBlob(imageConfig(image, layer.digest));
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: descriptor(MEDIA_TYPE.config, config),
    layers: [descriptor(MEDIA_TYPE.layer, layer)],
  });
  return tarPieces([
    jsonFile("oci-layout", { imageLayoutVersion: "1.0.0" }),
    jsonFile("index.json", {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.index,
      manifests: [
        {
          ...descriptor(MEDIA_TYPE.manifest, manifest),
          annotations: {
            "io.containerd.image.name": image.reference,
            "org.opencontainers.image.ref.name": image.reference.slice(image.reference.lastIndexOf(":") + 1),
          },
          platform: { architecture: image.architecture, os: "linux" },
        },
      ],
    }),
    jsonFile("manifest.json", [{ Config: blobPath(config), RepoTags: [image.reference], Layers: [blobPath(layer)] }]),
    { kind: "folder", path: "blobs", mode: 0o755 },
    { kind: "folder", path: "blobs/sha256", mode: 0o755 },
    ...[config, manifest, layer].map(blobFile),
  ]);
}

function imageConfig(image: ImageSpec, layerDigest: string): unknown {
  return {
    architecture: image.architecture,
    os: "linux",
    config: {
      User: `${PROXY_UID}:${PROXY_UID}`,
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      Entrypoint: image.entrypoint,
      WorkingDir: "/",
      Labels: image.labels,
    },
    rootfs: { type: "layers", diff_ids: [layerDigest] },
  };
}

function blob(pieces: readonly Uint8Array[]): Blob {
  const hash = new Bun.CryptoHasher("sha256");
  for (const piece of pieces) hash.update(piece);
  const size = pieces.reduce((total, piece) => total + piece.length, 0);
  return { digest: `sha256:${hash.digest("hex")}`, size, pieces };
}

function jsonBlob(value: unknown): Blob {
  return blob([json(value)]);
}

function descriptor(mediaType: string, { digest, size }: Blob): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest, size };
}

function blobPath({ digest }: Blob): string {
  return `blobs/${digest.replace(":", "/")}`;
}

function blobFile(content: Blob): TarEntry {
  return { kind: "file", path: blobPath(content), mode: 0o644, content: content.pieces };
}

function jsonFile(path: string, value: unknown): TarEntry {
  return { kind: "file", path, mode: 0o644, content: [json(value)] };
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
