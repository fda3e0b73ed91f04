/** The spaces of the cluster, kept at hand, because an admission has no time to ask for them. */
import { PARENT_LABEL, SPACE_LABEL } from "../core/contract.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { ADMISSION_LOOKUP_MS_MAX, ANCESTORS_MAX } from "../core/limits.ts";
import { asString, asStringRecord, at } from "../core/parse.ts";
import type { Namespace } from "./skip.ts";

export interface Spaces {
  /** Keeps the list current until the signal. */
  readonly follow: (signal: AbortSignal) => Promise<void>;
  /** Whether the whole list has been read once. */
  readonly synced: () => boolean;
  /** A namespace; one that is not at hand is asked for. Rejects when the API server does not answer in time. */
  readonly find: (name: string) => Promise<Namespace | undefined>;
  /** Parent, grandparent, …, as far as they are spaces; at most ANCESTORS_MAX, and a cycle ends where it closes. */
  readonly ancestorsOf: (namespace: Namespace) => Promise<readonly string[]>;
}

const WATCHED = `/api/v1/namespaces?labelSelector=${encodeURIComponent(`${SPACE_LABEL}=true`)}`;

export function createSpaces(kube: KubeClient): Spaces {
  let known = new Map<string, Namespace>();
  /** The next `known`, while a list comes in. */
  let coming: Map<string, Namespace> | undefined;
  let synced = false;

  const follow = async (signal: AbortSignal): Promise<void> => {
    for await (const event of kube.watch(WATCHED, signal)) {
      if (event.type === "reset") {
        coming = new Map();
      } else if (event.type === "synced") {
        known = coming ?? known;
        coming = undefined;
        synced = true;
      } else {
        const namespace = parseNamespace(event.object);
        const target = coming ?? known;
        if (event.type === "deleted") target.delete(namespace.name);
        else target.set(namespace.name, namespace);
      }
    }
  };

  const find = async (name: string): Promise<Namespace | undefined> => {
    const namespace = known.get(name);
    if (namespace !== undefined) return namespace;
    const path = `/api/v1/namespaces/${encodeURIComponent(name)}`;
    const object = await kube.find(path, AbortSignal.timeout(ADMISSION_LOOKUP_MS_MAX));
    return object === undefined ? undefined : parseNamespace(object);
  };

  const ancestorsOf = async (namespace: Namespace): Promise<readonly string[]> => {
    const seen = new Set([namespace.name]);
    let child: Namespace | undefined = namespace;
    while (child !== undefined && seen.size <= ANCESTORS_MAX) {
      const parent: string = child.labels[PARENT_LABEL] ?? "";
      if (parent === "" || seen.has(parent)) break;
      // One after the other: the name of the next stands in the one before.
      child = known.get(parent) ?? (await find(parent));
      if (child?.labels[SPACE_LABEL] !== "true") break;
      seen.add(parent);
    }
    return [...seen].slice(1);
  };

  return { follow, synced: () => synced, find, ancestorsOf };
}

function parseNamespace(object: unknown): Namespace {
  return {
    name: asString(at(object, "metadata", "name")) ?? "",
    labels: asStringRecord(at(object, "metadata", "labels")),
  };
}
