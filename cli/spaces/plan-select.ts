/** What selecting a space takes: which questions are open, and what is to be done once none is. Pure. */
import { AzdsError } from "../../core/errors.ts";
import { describeSpace } from "./current.ts";
import { isReserved, parseSpacePath, type SpacePath } from "./names.ts";
import { ancestorsOf, pathOf, type SpaceTree } from "./tree.ts";

export interface SelectRequest {
  /** Name or path; absent: to be asked. */
  readonly name?: string;
  /** Parent of a new space, as an option gave it: it must be a space. */
  readonly parent?: string;
  /** Parent of a new space, as the user chose it from the list: any namespace; `null`: none. */
  readonly chosenParent?: string | null;
  /** `space create`: a space that exists already is an error. */
  readonly mustBeNew?: boolean;
  /** Namespaces that the user agreed to make spaces of. */
  readonly agreed: readonly string[];
}

export interface SelectPlan {
  /** A namespace that becomes a space first, since it is to be the parent. */
  readonly convertParent: string | undefined;
  readonly action: "create" | "convert" | "none";
  readonly name: string;
  readonly parent: string | undefined;
  /** As it will be: `dev/alice`. */
  readonly path: string;
}

export type SelectOutcome =
  | { readonly kind: "ask-name"; readonly choices: readonly string[] }
  | { readonly kind: "ask-parent"; readonly name: string; readonly choices: readonly string[] }
  | { readonly kind: "ask-convert"; readonly namespace: string }
  | { readonly kind: "plan"; readonly plan: SelectPlan };

/** @throws AzdsError SPACE_NAME_INVALID, SPACE_NAME_RESERVED, SPACE_EXISTS, PARENT_NOT_FOUND, SPACE_CYCLE, SPACE_NOT_FOUND */
export function planSelect(tree: SpaceTree, request: SelectRequest): SelectOutcome {
  if (request.name === undefined) return { kind: "ask-name", choices: offered(tree) };
  const asked = parseSpacePath(request.name);
  const existing = tree.get(asked.name);
  if (existing?.isTerminating === true) {
    throw new AzdsError("SPACE_NOT_FOUND", `Namespace \`${asked.name}\` is being deleted; try again when it is gone`);
  }
  if (existing?.isSpace === true) return planExisting(tree, asked, request.mustBeNew === true);
  return existing === undefined ? planNew(tree, asked, request) : planConvert(tree, asked, request);
}

/** What may be chosen, as paths. */
function offered(tree: SpaceTree): readonly string[] {
  return [...tree.values()]
    .filter(({ name, isTerminating }) => !isReserved(name) && !isTerminating)
    .map(({ name }) => pathOf(tree, name))
    .toSorted((a, b) => a.localeCompare(b));
}

function planExisting(tree: SpaceTree, asked: SpacePath, mustBeNew: boolean): SelectOutcome {
  const { path } = describeSpace(tree, asked.name);
  const written = [...asked.above, asked.name].join("/");
  if (mustBeNew || !`/${path}`.endsWith(`/${written}`)) {
    throw new AzdsError(
      "SPACE_EXISTS",
      `Dev space \`${asked.name}\` exists already${path === asked.name ? "" : ` as \`${path}\``}`,
    );
  }
  return planned({ convertParent: undefined, action: "none", name: asked.name, parent: undefined, path });
}

function planConvert(tree: SpaceTree, asked: SpacePath, request: SelectRequest): SelectOutcome {
  const parent = givenParent(tree, asked, request);
  if (!request.agreed.includes(asked.name)) return { kind: "ask-convert", namespace: asked.name };
  return planned({
    convertParent: undefined,
    action: "convert",
    name: asked.name,
    parent,
    path: below(tree, parent, asked.name),
  });
}

function planNew(tree: SpaceTree, asked: SpacePath, request: SelectRequest): SelectOutcome {
  const { name } = asked;
  const given = givenParent(tree, asked, request);
  if (given === undefined && request.chosenParent === undefined && request.mustBeNew !== true) {
    return { kind: "ask-parent", name, choices: offered(tree) };
  }
  const parent = given ?? request.chosenParent?.split("/").at(-1);
  const isOrdinary = parent !== undefined && tree.get(parent)?.isSpace !== true;
  if (isOrdinary && !tree.has(parent))
    throw new AzdsError("PARENT_NOT_FOUND", `Dev space \`${parent}\` does not exist`);
  if (isOrdinary && !request.agreed.includes(parent)) return { kind: "ask-convert", namespace: parent };
  return planned({
    convertParent: isOrdinary ? parent : undefined,
    action: "create",
    name,
    parent,
    path: below(tree, parent, name),
  });
}

/** The parent that the path or the option names; checked. */
function givenParent(tree: SpaceTree, asked: SpacePath, { parent: option }: SelectRequest): string | undefined {
  const path = asked.above.length > 0 ? asked.above.join("/") : option;
  if (path === undefined) return undefined;
  if (asked.above.length > 0 && option !== undefined && option.split("/").at(-1) !== asked.above.at(-1)) {
    throw new AzdsError("USAGE", `\`--name\` and \`--parent\` name different parents: \`${path}\` and \`${option}\``);
  }
  const { name } = parseSpacePath(path);
  if (name === asked.name) throw new AzdsError("SPACE_CYCLE", `Dev space \`${name}\` cannot be its own parent`);
  if (tree.get(name)?.isSpace !== true) {
    const what = tree.has(name) ? `Namespace \`${name}\` is not a dev space` : `Dev space \`${name}\` does not exist`;
    throw new AzdsError("PARENT_NOT_FOUND", what);
  }
  if (!`/${pathOf(tree, name)}`.endsWith(`/${path}`)) {
    throw new AzdsError("PARENT_NOT_FOUND", `Dev space \`${path}\` does not exist; there is \`${pathOf(tree, name)}\``);
  }
  if (leadsTo(tree, name, asked.name))
    throw new AzdsError("SPACE_CYCLE", `Dev space \`${name}\` is below \`${asked.name}\``);
  return name;
}

/** Whether `parent` names `name` above it, also where `name` is no space yet and so counts for nothing. */
function leadsTo(tree: SpaceTree, parent: string, name: string): boolean {
  return [parent, ...ancestorsOf(tree, parent)].some((each) => tree.get(each)?.parent === name);
}

function below(tree: SpaceTree, parent: string | undefined, name: string): string {
  return parent === undefined ? name : `${pathOf(tree, parent)}/${name}`;
}

function planned(plan: SelectPlan): SelectOutcome {
  return { kind: "plan", plan };
}
