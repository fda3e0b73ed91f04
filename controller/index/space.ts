/** Namespaces that are spaces, and the trees that they form. */
import { CREATOR_ANNOTATION, PARENT_LABEL, SPACE_LABEL } from "../../core/contract.ts";
import { asString, at } from "../../core/parse.ts";
import type { SpaceRecord } from "../../core/route-table.ts";

export interface Space {
  readonly name: string;
  /** As its label says; may name nothing, or the space itself. */
  readonly parent: string | undefined;
  /** Kubernetes user name; absent where nobody was recorded. */
  readonly creator: string | undefined;
}

/** `undefined` for a namespace that is no space. One that is being deleted stops being a space at once. */
export function spaceOfNamespace(namespace: unknown): Space | undefined {
  const metadata = at(namespace, "metadata");
  const name = asString(at(metadata, "name"));
  if (name === undefined || at(metadata, "labels", SPACE_LABEL) !== "true") return undefined;
  if (isTerminating(namespace) === true) return undefined;
  return {
    name,
    parent: asString(at(metadata, "labels", PARENT_LABEL)) || undefined,
    creator: asString(at(metadata, "annotations", CREATOR_ANNOTATION)) || undefined,
  };
}

/** `undefined` for a namespace that stays. */
export function isTerminating(namespace: unknown): true | undefined {
  return at(namespace, "metadata", "deletionTimestamp") === undefined ? undefined : true;
}

/** All spaces as trees. A record's parent is always in the same tree, and following parents always ends. */
export interface Forest {
  readonly rootOf: ReadonlyMap<string, string>;
  /** Per root its spaces, sorted by name. */
  readonly trees: ReadonlyMap<string, readonly SpaceRecord[]>;
}

/**
 * A space whose parent is missing is a root; a cycle is cut above its first member in alphabetical order, so that every
 * replica cuts alike.
 */
export function forestOf(spaces: Iterable<Space>): Forest {
  const declared = new Map([...spaces].map((space) => [space.name, space.parent]));
  const names = [...declared.keys()].toSorted();
  const parents = new Map<string, string>();
  for (const [name, parent] of declared) {
    if (parent !== undefined && declared.has(parent)) parents.set(name, parent);
  }
  for (const name of names) {
    if (isOwnAncestor(name, parents)) parents.delete(name);
  }
  const rootOf = new Map<string, string>();
  const trees = new Map<string, SpaceRecord[]>();
  for (const name of names) {
    const root = ancestorsOf(name, parents).at(-1) ?? name;
    const parent = parents.get(name);
    rootOf.set(name, root);
    const tree = trees.get(root) ?? [];
    trees.set(root, tree);
    tree.push(parent === undefined ? { name } : { name, parent });
  }
  return { rootOf, trees };
}

/** Parent, grandparent, …, root. `parents` must be free of cycles. */
export function ancestorsOf(name: string, parents: ReadonlyMap<string, string>): readonly string[] {
  const ancestors: string[] = [];
  for (let next = parents.get(name); next !== undefined; next = parents.get(next)) ancestors.push(next);
  return ancestors;
}

function isOwnAncestor(name: string, parents: ReadonlyMap<string, string>): boolean {
  const seen = new Set<string>();
  for (let next = parents.get(name); next !== undefined && !seen.has(next); next = parents.get(next)) {
    if (next === name) return true;
    seen.add(next);
  }
  return false;
}
