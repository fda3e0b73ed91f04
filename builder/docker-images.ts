/** Images of ours in Docker's own store, asked for through `__docker`. */
import type { ImageConfig } from "../core/build-config.ts";
import { AzdsError } from "../core/errors.ts";
import { BUILDER_STATUS_MS_MAX } from "../core/limits.ts";
import { asString, at, parseJson } from "../core/parse.ts";
import { imageConfigOf } from "./image-config.ts";

export interface StoredImage {
  /** As Docker knows it: `sha256:…`. */
  readonly digest: string;
  readonly config: ImageConfig;
}

export interface DockerImages {
  /** `undefined` when Docker does not have it. @throws AzdsError BUILDER_UNAVAILABLE */
  readonly find: (image: string) => Promise<StoredImage | undefined>;
  /** The image as an archive of `docker save`. @throws AzdsError IMAGE_NOT_AVAILABLE */
  readonly save: (image: string, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
  /** Takes such an archive. @throws AzdsError BUILDER_UNAVAILABLE */
  readonly load: (archive: AsyncIterable<Uint8Array>, signal: AbortSignal) => Promise<void>;
}

/** @param socket of `__docker` */
export function dockerImagesAt(socket: string): DockerImages {
  const ask = async (path: string, init: RequestInit): Promise<Response> => {
    try {
      return await fetch(`http://docker/images/${path}`, { unix: socket, ...init });
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw new AzdsError("BUILDER_UNAVAILABLE", "The Docker of this node cannot be asked", { cause });
    }
  };
  return {
    find: async (image) => {
      const answer = await ask(`${image}/json`, { signal: AbortSignal.timeout(BUILDER_STATUS_MS_MAX) });
      if (answer.status === 404) return undefined;
      if (!answer.ok) throw await failure("BUILDER_UNAVAILABLE", "did not describe an image", answer);
      return parseDescription(await answer.text());
    },
    save: async (image, signal) => {
      const answer = await ask(`${image}/get`, { signal });
      if (!answer.ok || answer.body === null) throw await failure("IMAGE_NOT_AVAILABLE", "did not give it", answer);
      return answer.body;
    },
    load: async (archive, signal) => {
      const answer = await ask("load", { method: "POST", body: streamOf(archive), signal });
      if (!answer.ok) throw await failure("BUILDER_UNAVAILABLE", "did not take an image", answer);
      await answer.text();
    },
  };
}

function streamOf(parts: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = parts[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const next = await iterator.next();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
  });
}

async function failure(
  code: "BUILDER_UNAVAILABLE" | "IMAGE_NOT_AVAILABLE",
  what: string,
  answer: Response,
): Promise<AzdsError> {
  return new AzdsError(code, `The Docker of this node ${what}: ${answer.status} ${(await answer.text()).trim()}`);
}

/** Of `GET /images/<name>/json` (Docker Engine API, "Inspect an image"). */
function parseDescription(text: string): StoredImage {
  const value = parseJson(text, { code: "PROTOCOL", path: "description of the image" });
  const digest = asString(at(value, "Id"));
  if (digest === undefined) throw new AzdsError("PROTOCOL", "Docker did not say which image it has");
  return { digest, config: imageConfigOf(at(value, "Config")) };
}
