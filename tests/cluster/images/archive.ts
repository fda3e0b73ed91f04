import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { completeEntries, type Entry } from "./entry.ts";
import { entryHeader, padding, tarHeader, tarSize, TAR_END_BYTES, type TarHeader } from "./tar.ts";

/** The part of an image's configuration that says how it runs; field names as in the OCI image specification. */
export type ImageConfig = {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
};

export type Image = {
  readonly tags: readonly string[];
  readonly config: ImageConfig;
  readonly entries: readonly Entry[];
};

/** Writes an image of one layer in the format of `docker save`, in one pass over its files. */
export function writeImageArchive(file: string, image: Image): void {
  const descriptor = openSync(file, "w");
  const write = (bytes: Uint8Array): void => writeAll(descriptor, bytes);
  try {
    const entries = completeEntries(image.entries);
    const digest = writeLayer(write, entries);
    const config = JSON.stringify(imageConfig(image.config, digest));
    const configName = `${createHash("sha256").update(config).digest("hex")}.json`;
    writeMember(write, configName, config);
    writeMember(
      write,
      "manifest.json",
      JSON.stringify([{ Config: configName, RepoTags: image.tags, Layers: ["layer.tar"] }]),
    );
    write(new Uint8Array(TAR_END_BYTES));
  } finally {
    closeSync(descriptor);
  }
}

function imageConfig(config: ImageConfig, layerDigest: string): object {
  return {
    architecture: "amd64",
    os: "linux",
    created: "1970-01-01T00:00:00Z",
    config,
    rootfs: { type: "layers", diff_ids: [`sha256:${layerDigest}`] },
    history: [{ created: "1970-01-01T00:00:00Z", created_by: "azds test cluster" }],
  };
}

/** Writes the member `layer.tar` and gives its SHA-256. */
function writeLayer(write: (bytes: Uint8Array) => void, entries: readonly Entry[]): string {
  const size = tarSize(entries);
  write(tarHeader(memberHeader("layer.tar", size)));
  const hash = createHash("sha256");
  const both = (bytes: Uint8Array): void => {
    hash.update(bytes);
    write(bytes);
  };
  for (const entry of entries) {
    both(tarHeader(entryHeader(entry)));
    const bytes = contentOf(entry);
    both(bytes);
    both(padding(bytes.length));
  }
  both(new Uint8Array(TAR_END_BYTES));
  write(padding(size));
  return hash.digest("hex");
}

function contentOf(entry: Entry): Uint8Array {
  switch (entry.content.kind) {
    case "folder":
    case "link":
      return new Uint8Array();
    case "text":
      return new TextEncoder().encode(entry.content.text);
    case "file": {
      const bytes = readFileSync(entry.content.source);
      if (bytes.length === entry.content.size) return bytes;
      throw new Error(`\`${entry.content.source}\` changed while an image was made of it`);
    }
  }
}

function writeMember(write: (bytes: Uint8Array) => void, name: string, content: string): void {
  const bytes = new TextEncoder().encode(content);
  write(tarHeader(memberHeader(name, bytes.length)));
  write(bytes);
  write(padding(bytes.length));
}

function memberHeader(name: string, size: number): TarHeader {
  return { name, mode: 0o644, owner: 0, modified: 0, size, type: "0", target: "" };
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length;) offset += writeSync(descriptor, bytes, offset);
}
