/** The namespaces of a cluster as a tree of spaces. Pure; labels made by hand may form anything, so every walk is bounded. */
import { PARENT_LABEL, SPACE_LABEL } from "../../core/contract.ts";
import { asString, at } from "../../core/parse.ts";

export interface NamespaceView {
  readonly name: string;
  readonly isSpace: boolean;
  /** As the label says it, whether or not such a space exists. */
  readonly parent: string | undefined;
  readonly isTerminating: boolean;
}

/** By name, in the order of names. */
export type SpaceTree = ReadonlyMap<string, NamespaceView>;

/** @param namespaces objects of kind Namespace (v1) */
export function readTree(namespaces: readonly unknown[]): SpaceTree {
  const views = namespaces.flatMap((namespace) => readNamespace(namespace) ?? []);
  const inOrder = views.toSorted((a, b) => a.name.localeCompare(b.name));
  return new Map(inOrder.map((view) => [view.name, view]));
}

export function readNamespace(namespace: unknown): NamespaceView | undefined {
  const name = asString(at(namespace, "metadata", "name"));
  if (name === undefined) return undefined;
  const isSpace = at(namespace, "metadata", "labels", SPACE_LABEL) === "true";
  return {
    name,
    isSpace,
    parent: isSpace ? asString(at(namespace, "metadata", "labels", PARENT_LABEL)) : undefined,
    isTerminating: at(namespace, "status", "phase") === "Terminating",
  };
}

/** The space above, when it exists and is a space; a label that names nothing leaves a root. */
export function parentOf(tree: SpaceTree, name: string): string | undefined {
  const parent = tree.get(name)?.parent;
  return parent !== undefined && tree.get(parent)?.isSpace === true ? parent : undefined;
}

/** Nearest first. Ends where a name comes again: labels in a ring have no root. */
export function ancestorsOf(tree: SpaceTree, name: string): readonly string[] {
  const found: string[] = [];
  for (let next = parentOf(tree, name); next !== undefined; next = parentOf(tree, next)) {
    if (next === name || found.includes(next)) break;
    found.push(next);
  }
  return found;
}

/** Whether the way up from `name` comes back to `name`. */
export function isInRing(tree: SpaceTree, name: string): boolean {
  const above = ancestorsOf(tree, name);
  return parentOf(tree, above.at(-1) ?? name) === name;
}

/** `dev/alice`; a bare name for a root and for anything that is no space. */
export function pathOf(tree: SpaceTree, name: string): string {
  return [...ancestorsOf(tree, name).toReversed(), name].join("/");
}

export function childrenOf(tree: SpaceTree, name: string): readonly string[] {
  return [...tree.keys()].filter((each) => parentOf(tree, each) === name);
}
