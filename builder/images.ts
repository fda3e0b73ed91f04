/** Which images this node's builder has built: records on disk, and clients that wait for some. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { type ImageConfig, type ImageConfigs, parseImageConfig } from "../core/build-config.ts";
import { asString, member, parseJson } from "../core/parse.ts";
import { imageRecordFile, type NamespaceFolders } from "./folders.ts";

export interface ImageRecord {
  /** `azds.local/<namespace>/<repository>:<tag>`. */
  readonly image: string;
  /** Of the manifest. */
  readonly digest: string;
  readonly config: ImageConfig;
  /** Milliseconds since the epoch. */
  readonly builtAt: number;
}

export interface ImageStore {
  readonly save: (folders: NamespaceFolders, record: ImageRecord) => Promise<void>;
  /** Resolves as soon as all of them are built; rejects with the signal's reason. */
  readonly wait: (folders: NamespaceFolders, images: readonly string[], signal: AbortSignal) => Promise<ImageConfigs>;
}

export function createImageStore(): ImageStore {
  const waiting = new Set<() => void>();

  const save: ImageStore["save"] = async (folders, record) => {
    const file = imageRecordFile(folders, record.image);
    await mkdir(folders.images, { recursive: true });
    // A reader sees the old record or the new one, never half of one.
    await writeFile(`${file}.tmp`, JSON.stringify(record));
    await rename(`${file}.tmp`, file);
    for (const wake of waiting) wake();
  };

  const wait: ImageStore["wait"] = async (folders, images, signal) => {
    for (;;) {
      // Listening starts before reading, so that a build which ends in between is not missed.
      const saved = Promise.withResolvers<void>();
      // The abort may come while the records are read, when nobody waits for this promise yet.
      saved.promise.catch(() => {});
      const onAbort = (): void => saved.reject(signal.reason);
      signal.throwIfAborted();
      signal.addEventListener("abort", onAbort);
      waiting.add(saved.resolve);
      try {
        const configs = await readConfigs(folders, images);
        if (configs !== undefined) return configs;
        await saved.promise;
      } finally {
        waiting.delete(saved.resolve);
        signal.removeEventListener("abort", onAbort);
      }
    }
  };
  return { save, wait };
}

/** `undefined` while one is missing. */
async function readConfigs(folders: NamespaceFolders, images: readonly string[]): Promise<ImageConfigs | undefined> {
  const records = await Promise.all(images.map((image) => readRecord(imageRecordFile(folders, image))));
  const found = records.flatMap((record) => (record === undefined ? [] : [[record.image, record.config] as const]));
  return found.length === images.length ? Object.fromEntries(found) : undefined;
}

/** `undefined` when the image was not built here, or its record cannot be read: then it has to be built again. */
async function readRecord(file: string): Promise<Pick<ImageRecord, "image" | "config"> | undefined> {
  try {
    const value = parseJson(await readFile(file, "utf8"), { code: "PROTOCOL", path: file });
    const image = asString(member(value, "image"));
    return image === undefined ? undefined : { image, config: parseImageConfig(member(value, "config")) };
  } catch {
    return undefined;
  }
}
