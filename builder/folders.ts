/** Where the builder keeps things, on a volume of the node. Everything below a namespace's folder belongs to that namespace. */
import { createHash } from "node:crypto";
import { join } from "node:path";

/** A hostPath of the node, so that sources and records outlive the builder's pods. */
export const BUILDER_ROOT = "/var/lib/azds-builder";

export interface NamespaceFolders {
  /** `<session>/<context id>` each: synced trees. */
  readonly trees: string;
  /** Contents of synced files by their digest. */
  readonly blobs: string;
  /** One record per image built here. */
  readonly images: string;
  /** What each tree holds, as one digest: says whether an image's sources are still the ones it was built from. */
  readonly versions: string;
  /** The same entry by entry, and what images were built from (builder/tree-manifest.ts). */
  readonly manifests: string;
  /** Files of builds that run. */
  readonly work: string;
}

/** @param namespace from a reviewed token: a DNS label, so it is one plain folder name */
export function namespaceFolders(root: string, namespace: string): NamespaceFolders {
  const of = (name: string): string => join(root, namespace, name);
  return {
    trees: of("trees"),
    blobs: of("blobs"),
    images: of("images"),
    versions: of("versions"),
    manifests: of("manifests"),
    work: of("work"),
  };
}

export function imageRecordFile(folders: NamespaceFolders, reference: string): string {
  return join(folders.images, `${createHash("sha256").update(reference).digest("hex")}.json`);
}
