/**
 * Brings back what the node's store has lost or never had: built again from the sources kept here, which BuildKit's
 * cache answers, else taken from the builder of another node.
 */
import type { BuildRequest } from "../core/builder-protocol.ts";
import type { Log } from "../core/host/log.ts";
import { build, type BuildPorts } from "./build.ts";
import { type NamespaceFolders, namespaceFolders } from "./folders.ts";
import type { ImageRecord } from "./images.ts";
import { isImageHere } from "./presence.ts";
import { readVersion } from "./tree-version.ts";

export interface RestorePorts extends BuildPorts {
  readonly log: Log;
  /** Folder of all namespaces. */
  readonly root: string;
  /** Takes the image from elsewhere and records it; else says in words that it is not there. @throws AzdsError when it broke off */
  readonly fetch: (wanted: WantedImage) => Promise<true | string>;
}

export interface WantedImage {
  readonly namespace: string;
  /** As the pod names it (core/builder-protocol.ts, `builtImage`). */
  readonly image: string;
  /** A record younger than this is believed without a look at the store. 0: look. */
  readonly believeMs: number;
  readonly signal: AbortSignal;
}

export type Restored =
  | { readonly record: ImageRecord; readonly how: "here" | "rebuilt" | "fetched" }
  /** In words, what was tried. */
  | { readonly record: undefined; readonly why: string };

export interface Restorer {
  /** The record of an image that is in the node's store, made again from what this node keeps. For other builders. */
  readonly own: (wanted: WantedImage) => Promise<ImageRecord | undefined>;
  /** As `own`, and asks the other builders. Several who want one image share the work. */
  readonly restore: (wanted: WantedImage) => Promise<Restored>;
}

export function createRestorer(ports: RestorePorts): Restorer {
  const running = new Map<string, Shared>();
  return {
    own: async (wanted) => (await fromNode(ports, wanted)).record,
    restore: async (wanted) => {
      const key = `${wanted.image} ${wanted.believeMs}`;
      const shared = running.get(key) ?? begin(ports, wanted);
      running.set(key, shared);
      shared.wanters += 1;
      const gone = Promise.withResolvers<never>();
      const onAbort = (): void => gone.reject(wanted.signal.reason);
      wanted.signal.addEventListener("abort", onAbort, { once: true });
      try {
        wanted.signal.throwIfAborted();
        return await Promise.race([shared.outcome, gone.promise]);
      } finally {
        wanted.signal.removeEventListener("abort", onAbort);
        shared.wanters -= 1;
        // The next one starts anew: the image may be gone again by then.
        if (shared.wanters === 0 && running.get(key) === shared) {
          running.delete(key);
          shared.stop.abort(new Error("Nobody waits for the image any more"));
        }
      }
    },
  };
}

interface Shared {
  wanters: number;
  readonly stop: AbortController;
  readonly outcome: Promise<Restored>;
}

function begin(ports: RestorePorts, wanted: WantedImage): Shared {
  const stop = new AbortController();
  const outcome = restore(ports, { ...wanted, signal: stop.signal });
  // Nobody may be left to hear of it.
  outcome.catch(() => {});
  return { wanters: 0, stop, outcome };
}

async function restore(ports: RestorePorts, wanted: WantedImage): Promise<Restored> {
  const own = await fromNode(ports, wanted);
  if (own.record !== undefined) return own;
  const folders = namespaceFolders(ports.root, wanted.namespace);
  try {
    const fetched = await ports.fetch(wanted);
    if (fetched !== true) return { record: undefined, why: `${own.why}; ${fetched}` };
    const record = await ports.images.find(folders, wanted.image);
    if (record !== undefined) return { record, how: "fetched" };
    return { record: undefined, why: `${own.why}; what was fetched is lost` };
  } catch (error) {
    wanted.signal.throwIfAborted();
    ports.log("warn", "An image could not be fetched", {
      image: wanted.image,
      error: String(error),
    });
    return {
      record: undefined,
      why: `${own.why}; taking it from elsewhere failed`,
    };
  }
}

async function fromNode(ports: RestorePorts, wanted: WantedImage): Promise<Restored> {
  const folders = namespaceFolders(ports.root, wanted.namespace);
  const record = await ports.images.find(folders, wanted.image);
  if (record === undefined) return { record: undefined, why: "It was not built on this node" };
  if (ports.clock.now() - record.builtAt < wanted.believeMs) return { record, how: "here" };
  if (await isImageHere(ports, folders, wanted.image)) return { record, how: "here" };
  const { source } = record;
  if (source === undefined || (await readVersion(folders, source.request.tree)) !== source.version)
    return { record: undefined, why: "The node removed it, and its sources have changed since" };
  return rebuild(ports, wanted, { folders, request: source.request });
}

interface Kept {
  readonly folders: NamespaceFolders;
  readonly request: BuildRequest;
}

async function rebuild(ports: RestorePorts, wanted: WantedImage, { folders, request }: Kept): Promise<Restored> {
  const { namespace, image, signal } = wanted;
  const last = await build(ports, { request, namespace, folders, signal, emit: () => Promise.resolve() });
  const record = last.type === "done" ? await ports.images.find(folders, image) : undefined;
  ports.log("info", "An image that the node had removed is built again", { image, outcome: last.type });
  if (record !== undefined) return { record, how: "rebuilt" };
  const reason = last.type === "failed" ? `: ${last.message.split("\n")[0] ?? ""}` : "";
  return { record: undefined, why: `The node removed it, and building it again failed${reason}` };
}
