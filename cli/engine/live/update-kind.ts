/**
 * What a set of saved files asks for (pure): which update, and the file and rule that decide it. The rules are asked in
 * order for each file; of several files the dearest update decides.
 *
 * `copy`     the files land in the running container, and that is all
 * `restart`  they land, build commands run, the application is started again in its container
 * `rebuild`  a new image, a new pod
 */
import { join, relative } from "node:path";
import type { ContainerSettings, DependencySettings } from "../../project/config.ts";
import { CONFIG_FILE, type Project } from "../../project/load.ts";

export type Update = "copy" | "restart" | "rebuild";

export interface FileUpdate {
  readonly update: Update;
  /** Why, as the end of a sentence. */
  readonly rule: string;
  /** What runs in the container first. */
  readonly dependency?: DependencySettings;
}

export interface UpdateKind {
  readonly kind: Update;
  /** The changed path that decided, as in the set. */
  readonly path: string;
  readonly rule: string;
  /** Of all changed files, each once, in the order of azds.yaml. */
  readonly dependencies: readonly DependencySettings[];
}

/** Paths of files are relative to `folder`, with `/`; `..` leads out of it. */
export interface UpdateRules {
  /** Absolute, of azds.yaml. */
  readonly folder: string;
  /** Absolute, of the build context. */
  readonly contextFolder: string;
  readonly dockerfile: string;
  readonly chart: string;
  /** Values files of the release. */
  readonly values: readonly string[];
  readonly container: ContainerSettings;
}

export function updateRules(project: Project): UpdateRules {
  const shown = (path: string): string => relative(project.folder, path).replaceAll("\\", "/");
  return {
    folder: project.folder,
    contextFolder: project.contextFolder,
    dockerfile: shown(join(project.contextFolder, project.dockerfile)),
    chart: shown(project.chartFolder),
    values: project.valuesFiles.map(shown),
    container: project.config.container,
  };
}

const COST: Readonly<Record<Update, number>> = { copy: 0, restart: 1, rebuild: 2 };

/** @param changed files; without any, it is a matter of folders */
export function updateKind(changed: readonly string[], rules: UpdateRules): UpdateKind {
  const [first = { path: "", update: "copy", rule: "no file needs more" } as const, ...others] = changed.map(
    (path) => ({ path, ...fileUpdate(path, rules) }),
  );
  const dearest = others.reduce((best, each) => (COST[each.update] > COST[best.update] ? each : best), first);
  const asked = new Set([first, ...others].flatMap((each) => ("dependency" in each ? [each.dependency] : [])));
  return {
    kind: dearest.update,
    path: dearest.path,
    rule: dearest.rule,
    dependencies: rules.container.iterate?.dependencies.filter((each) => asked.has(each)) ?? [],
  };
}

/** Of one file. */
export function fileUpdate(path: string, rules: UpdateRules): FileUpdate {
  const inContext = pathInContext(path, rules);
  if (path === CONFIG_FILE) return rebuild("it says how the service is built and installed");
  if (path.startsWith(`${rules.chart}/`)) return rebuild("it belongs to the chart");
  if (rules.values.includes(path)) return rebuild("its values are the release's");
  if (path === rules.dockerfile) return rebuild("the image is made by it");
  if (inContext === undefined) return rebuild("it lies outside the build context");
  if (IGNORE_FILES.has(baseName(inContext))) return rebuild("it says what belongs to the image");
  return containerUpdate(inContext, rules.container);
}

function containerUpdate(path: string, { sync, iterate }: ContainerSettings): FileUpdate {
  const dependency = iterate?.dependencies.find(({ files }) => files.some((glob) => matches(glob, path)));
  if (dependency !== undefined)
    return {
      update: "restart",
      rule: `\`${dependency.command.join(" ")}\` is its command in \`iterate.dependencies\``,
      dependency,
    };
  const excluding = sync.find((glob) => glob.startsWith("!") && matches(glob.slice(1), path));
  if (excluding !== undefined) return rebuild(`\`${excluding}\` in \`container.sync\` leaves it to the image`);
  const including = sync.filter((glob) => !glob.startsWith("!"));
  const copying = including.find((glob) => matches(glob, path));
  if (copying !== undefined) return { update: "copy", rule: `\`${copying}\` in \`container.sync\` copies it` };
  if (iterate !== undefined) return { update: "restart", rule: "`container.iterate` restarts the application for it" };
  if (sync.length > 0 && including.length === 0)
    return { update: "copy", rule: "`container.sync` copies all that it does not exclude" };
  return rebuild("the image holds it");
}

/** As globs name it; `undefined` for a path outside. */
function pathInContext(path: string, { folder, contextFolder }: UpdateRules): string | undefined {
  const inContext = relative(contextFolder, join(folder, path)).replaceAll("\\", "/");
  return inContext.startsWith("../") ? undefined : inContext;
}

const IGNORE_FILES: ReadonlySet<string> = new Set([".gitignore", ".dockerignore"]);

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function matches(glob: string, path: string): boolean {
  return new Bun.Glob(glob).match(path);
}

function rebuild(rule: string): FileUpdate {
  return { update: "rebuild", rule };
}
