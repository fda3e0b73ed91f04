/** The space a command works in. */
import { SPACE_DEPTH_MAX } from "../../core/limits.ts";
import { AzdsError } from "../../core/errors.ts";
import { namespacePath } from "../../core/kube/paths.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Context } from "../context.ts";
import { parseSpacePath } from "./names.ts";
import { selectedSpace } from "./selection.ts";
import { ancestorsOf, isInRing, type NamespaceView, pathOf, readNamespace, type SpaceTree } from "./tree.ts";

export interface CurrentSpace {
  /** The namespace. */
  readonly name: string;
  /** `dev/alice`. */
  readonly path: string;
  /** Nearest first; empty for a root. */
  readonly ancestors: readonly string[];
  /** The outermost space; the space itself when it is a root. */
  readonly root: string;
}

/**
 * The space that `override` names, else the selected one. Reads the namespaces of the way up one by one: whoever may
 * use a space may read those, but not list all.
 *
 * @param override name or path, as `--space` takes it
 * @throws AzdsError SPACE_NOT_SELECTED, SPACE_NOT_FOUND, SPACE_CYCLE
 */
export async function currentSpace(context: Context, cluster: Cluster, override?: string): Promise<CurrentSpace> {
  const asked = override === undefined ? undefined : parseSpacePath(override);
  const name = asked?.name ?? (await selectedSpace(context, cluster));
  if (name === undefined)
    throw new AzdsError("SPACE_NOT_SELECTED", `No dev space is selected in cluster \`${cluster.context}\``);
  const space = describeSpace(await readWayUp(cluster, name, context.signal), name);
  const written = asked === undefined ? "" : [...asked.above, asked.name].join("/");
  if (!`/${space.path}`.endsWith(`/${written}`) && written !== "") {
    throw new AzdsError("SPACE_NOT_FOUND", `Dev space \`${written}\` does not exist; there is \`${space.path}\``);
  }
  return space;
}

/** @throws AzdsError SPACE_NOT_FOUND, SPACE_CYCLE */
export function describeSpace(tree: SpaceTree, name: string): CurrentSpace {
  const view = tree.get(name);
  if (view === undefined) throw new AzdsError("SPACE_NOT_FOUND", `Dev space \`${name}\` does not exist`);
  if (view.isTerminating) throw new AzdsError("SPACE_NOT_FOUND", `Dev space \`${name}\` is being deleted`);
  if (!view.isSpace) throw new AzdsError("SPACE_NOT_FOUND", `Namespace \`${name}\` is not a dev space`);
  if (isInRing(tree, name))
    throw new AzdsError("SPACE_CYCLE", `The parents of dev space \`${name}\` lead back to itself`);
  const ancestors = ancestorsOf(tree, name);
  return { name, path: pathOf(tree, name), ancestors, root: ancestors.at(-1) ?? name };
}

async function readWayUp(cluster: Cluster, name: string, signal: AbortSignal): Promise<SpaceTree> {
  const found = new Map<string, NamespaceView>();
  let next: string | undefined = name;
  while (next !== undefined && !found.has(next) && found.size < SPACE_DEPTH_MAX) {
    const view: NamespaceView | undefined = readNamespace(await cluster.kube.find(namespacePath(next), signal));
    if (view === undefined) break;
    found.set(next, view);
    next = view.parent;
  }
  return found;
}
