/** Whether a space may be removed. Pure. */
import { AzdsError } from "../../core/errors.ts";
import { describeSpace, type CurrentSpace } from "./current.ts";
import { DEFAULT_SPACE, parseSpacePath } from "./names.ts";
import { childrenOf, pathOf, type SpaceTree } from "./tree.ts";

export interface RemoveRequest {
  /** Name or path. */
  readonly name: string;
  /** Keep the namespace, take only its labels away. */
  readonly keepNamespace: boolean;
}

/** @throws AzdsError SPACE_NOT_FOUND, SPACE_PROTECTED, SPACE_HAS_CHILDREN, SPACE_NAME_INVALID, SPACE_NAME_RESERVED */
export function planRemove(tree: SpaceTree, { name: written, keepNamespace }: RemoveRequest): CurrentSpace {
  const { name } = parseSpacePath(written);
  const space = describeSpace(tree, name);
  if (!`/${space.path}`.endsWith(`/${written}`)) {
    throw new AzdsError("SPACE_NOT_FOUND", `Dev space \`${written}\` does not exist; there is \`${space.path}\``);
  }
  if (name === DEFAULT_SPACE && !keepNamespace) {
    throw new AzdsError("SPACE_PROTECTED", "Kubernetes does not let anybody delete the namespace `default`");
  }
  const children = childrenOf(tree, name).map((child) => `\`${pathOf(tree, child)}\``);
  if (children.length > 0) {
    throw new AzdsError("SPACE_HAS_CHILDREN", `Dev space \`${space.path}\` is the parent of ${children.join(", ")}`);
  }
  return space;
}
