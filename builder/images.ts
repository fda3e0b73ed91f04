/** Which images this node's builder has made: records on disk, and word of each new one for those who wait. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { type ImageConfig, parseImageConfig } from "../core/build-config.ts";
import type { BuildRequest } from "../core/builder-protocol.ts";
import { asNumber, asString, member, parseJson } from "../core/parse.ts";
import { imageRecordFile, type NamespaceFolders } from "./folders.ts";
import { parseBuildRequest } from "./request.ts";

/** With it the image can be built again on this node. */
export interface ImageSource {
  readonly request: BuildRequest;
  /** Of the tree at that time (builder/tree-version.ts). */
  readonly version: string;
}

export interface ImageRecord {
  /** As the pod names it (core/builder-protocol.ts, `builtImage`). */
  readonly image: string;
  /** Of the manifest. */
  readonly digest: string;
  readonly config: ImageConfig;
  /** Milliseconds since the epoch. */
  readonly builtAt: number;
  /** Missing when the image came from another node, or its sources changed while it was built. */
  readonly source?: ImageSource;
}

export interface ImageStore {
  readonly save: (folders: NamespaceFolders, record: ImageRecord) => Promise<void>;
  /** `undefined` when the image was never made here, or its record cannot be read: then it has to be made again. */
  readonly find: (folders: NamespaceFolders, image: string) => Promise<ImageRecord | undefined>;
  /** Calls `listener` after each save until the returned function is called. */
  readonly onSaved: (listener: () => void) => () => void;
}

export function createImageStore(): ImageStore {
  const listeners = new Set<() => void>();
  return {
    save: async (folders, record) => {
      const file = imageRecordFile(folders, record.image);
      await mkdir(folders.images, { recursive: true });
      // A reader sees the old record or the new one, never half of one.
      const partial = `${file}.${randomUUID()}.tmp`;
      await writeFile(partial, JSON.stringify(record));
      await rename(partial, file);
      for (const listener of listeners) listener();
    },
    find: async (folders, image) => {
      try {
        const file = imageRecordFile(folders, image);
        return parseRecord(parseJson(await readFile(file, "utf8"), { code: "PROTOCOL", path: file }));
      } catch {
        return undefined;
      }
    },
    onSaved: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function parseRecord(value: unknown): ImageRecord | undefined {
  const image = asString(member(value, "image"));
  const digest = asString(member(value, "digest"));
  if (image === undefined || digest === undefined) return undefined;
  const source = parseSource(member(value, "source"));
  return {
    image,
    digest,
    config: parseImageConfig(member(value, "config")),
    builtAt: asNumber(member(value, "builtAt")) ?? 0,
    ...(source === undefined ? {} : { source }),
  };
}

function parseSource(value: unknown): ImageSource | undefined {
  const version = asString(member(value, "version"));
  return version === undefined ? undefined : { request: parseBuildRequest(member(value, "request")), version };
}
