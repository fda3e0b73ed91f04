/**
 * `azds.yaml` → ProjectConfig. The schema is the original's (`kind: helm-release`, `apiVersion: 1.0 | 1.1`) plus `build.target`,
 * `build.secrets`, `build.ssh`, `iterate.dependencies`, `container.syncBack` and
 * `install.requires`.
 * Pure: text in, settings out; every error names the file, the line and the key.
 */
import { posix } from "node:path";
import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document } from "yaml";
import { AzdsError } from "../../core/errors.ts";
import { unsuitableGlob } from "../../core/sync/back-globs.ts";
import { asString, isObject, type JsonObject, member } from "../../core/parse.ts";

/** Where a secret is on the developer's machine: a file, relative to azds.yaml or below `~/`, or a variable. */
export type SecretSource = { readonly file: string } | { readonly env: string };

export interface BuildSettings {
  /** Folder of the build context, relative to azds.yaml; may lead out of it (`..`). */
  readonly context: string;
  /** Path of the Dockerfile, relative to azds.yaml. */
  readonly dockerfile: string;
  readonly target: string | undefined;
  readonly args: Readonly<Record<string, string>>;
  /** By the id that `RUN --mount=type=secret` names. */
  readonly secrets: Readonly<Record<string, SecretSource>>;
  /** Ids that `RUN --mount=type=ssh` names. */
  readonly ssh: readonly string[];
  readonly useGitIgnore: boolean;
  /** Further patterns in the syntax of .gitignore; `!` takes in again. */
  readonly ignore: readonly string[];
}

export interface ValuesFile {
  readonly path: string;
  /** A trailing `?`: absent is not an error. */
  readonly optional: boolean;
}

export interface InstallSettings {
  /** Folder of the chart, relative to azds.yaml. */
  readonly chart: string;
  /** Merged in this order, later ones win. */
  readonly values: readonly ValuesFile[];
  /** Wins over the values files. Tokens and variables are not expanded yet. */
  readonly set: JsonObject;
  /** Folders of services that have to run before this one, relative to azds.yaml. */
  readonly requires: readonly string[];
}

/** How the running container is updated without a new image. Globs are relative to the build context. */
export interface ContainerSettings {
  /** Files that are copied and need nothing else; those behind `!` belong to the image. */
  readonly sync: readonly string[];
  /** Absolute folder in the container that stands for the build context; undefined: its working directory. */
  readonly syncTarget: string | undefined;
  /** Starts the application in place of what image and chart name; empty: they decide. */
  readonly command: readonly string[];
  /** Files that come from the container to the developer's machine; what stands behind `!` does not. */
  readonly syncBack: readonly string[];
  /** How all other files are brought; undefined: by a new image. */
  readonly iterate: IterateSettings | undefined;
}

export interface IterateSettings {
  readonly processesToKill: readonly string[];
  readonly buildCommands: readonly (readonly string[])[];
  /** Files whose change runs a command of their own before the build commands, where it would need a new image. */
  readonly dependencies: readonly DependencySettings[];
}

export interface DependencySettings {
  readonly files: readonly string[];
  readonly command: readonly string[];
}

export interface ProjectConfig {
  readonly build: BuildSettings;
  readonly install: InstallSettings;
  readonly container: ContainerSettings;
}

const ITERATE_KEYS = ["processesToKill", "buildCommands", "dependencies"] as const;

const KEYS: Readonly<Record<string, readonly string[]>> = {
  "": ["kind", "apiVersion", "build", "install", "configurations"],
  build: ["context", "dockerfile", "target", "args", "secrets", "ssh", "useGitIgnore", "ignore"],
  install: ["chart", "values", "set", "disableProbes", "requires"],
  configurations: ["develop"],
  "configurations.develop": ["build", "container", "install"],
  "configurations.develop.build": [
    "context",
    "dockerfile",
    "target",
    "args",
    "secrets",
    "ssh",
    "useGitIgnore",
    "ignore",
  ],
  "configurations.develop.container": [
    "sync",
    "syncTarget",
    "syncBack",
    "command",
    "iterate",
    "refresh",
    "imports",
    "values",
  ],
  "configurations.develop.container.iterate": ITERATE_KEYS,
  "configurations.develop.container.refresh": ITERATE_KEYS,
  "configurations.develop.install": ["chart", "values", "set", "disableProbes"],
};

/** Reads values of one parsed file and reports where a wrong one stands. */
class Reader {
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #file: string;

  constructor(document: Document.Parsed, lines: LineCounter, file: string) {
    this.#document = document;
    this.#lines = lines;
    this.#file = file;
  }

  value(path: string): unknown {
    const node: unknown = path === "" ? this.#document.contents : this.#document.getIn(path.split("."), true);
    if (isScalar(node)) return node.value;
    return isNode(node) ? (node.toJS(this.#document) as unknown) : undefined;
  }

  fail(path: string, problem: string): never {
    throw new AzdsError("CONFIG_INVALID", `\`${this.#file}\` line ${this.#lineOf(path)}: \`${path}\` ${problem}`);
  }

  text(path: string): string | undefined {
    const value = this.value(path);
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string") return value;
    return this.fail(path, "must be a string");
  }

  flag(path: string): boolean | undefined {
    const value = this.value(path);
    if (value === undefined || value === null) return undefined;
    return typeof value === "boolean" ? value : this.fail(path, "must be `true` or `false`");
  }

  words(path: string): readonly string[] | undefined {
    const value = this.value(path);
    if (value === undefined || value === null) return undefined;
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    return this.fail(path, "must be a list of strings");
  }

  list(path: string): readonly unknown[] {
    const value = this.value(path);
    if (value === undefined || value === null) return [];
    return Array.isArray(value) ? value : this.fail(path, "must be a list");
  }

  mapping(path: string): JsonObject | undefined {
    const value = this.value(path);
    if (value === undefined || value === null) return undefined;
    return isObject(value) ? value : this.fail(path, "must be a mapping");
  }

  /** Build arguments may be written as numbers or booleans; Docker knows them as text. */
  texts(path: string): Readonly<Record<string, string>> {
    return Object.fromEntries(
      Object.entries(this.mapping(path) ?? {}).map(([key, value]) => {
        if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
          return [key, String(value)];
        return this.fail(`${path}.${key}`, "must be a string");
      }),
    );
  }

  /** Unknown keys are refused: a typing error must not silently do nothing. */
  checkKeys(path: string): void {
    const known = KEYS[path] ?? [];
    for (const key of Object.keys(this.mapping(path) ?? {})) {
      const full = path === "" ? key : `${path}.${key}`;
      if (!known.includes(key))
        this.fail(
          full,
          `is not a key of ${path === "" ? "azds.yaml" : `\`${path}\``}; known are ${known.map((name) => `\`${name}\``).join(", ")}`,
        );
    }
  }

  #lineOf(path: string): number {
    const keys = path.split(".");
    for (let depth = keys.length; depth > 0; depth -= 1) {
      const parent: unknown =
        depth === 1 ? this.#document.contents : this.#document.getIn(keys.slice(0, depth - 1), true);
      const pair = isMap(parent)
        ? parent.items.find((item) => isScalar(item.key) && item.key.value === keys[depth - 1])
        : undefined;
      if (pair !== undefined && isScalar(pair.key) && pair.key.range)
        return this.#lines.linePos(pair.key.range[0]).line;
    }
    return 1;
  }
}

/**
 * @param file name for messages, as the user knows it
 * @throws AzdsError CONFIG_INVALID with file, line and key
 */
export function parseConfig(text: string, file: string): ProjectConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problem = document.errors[0];
  if (problem !== undefined) {
    throw new AzdsError("CONFIG_INVALID", `\`${file}\` line ${lines.linePos(problem.pos[0]).line}: ${problem.message}`);
  }
  const reader = new Reader(document, lines, file);
  if (reader.mapping("") === undefined) throw new AzdsError("CONFIG_INVALID", `\`${file}\` line 1: the file is empty`);
  for (const path of Object.keys(KEYS)) reader.checkKeys(path);
  const kind = reader.text("kind") ?? "helm-release";
  if (kind !== "helm-release") reader.fail("kind", `must be \`helm-release\`, not \`${kind}\``);
  return { build: buildOf(reader), install: installOf(reader), container: containerOf(reader) };
}

function buildOf(reader: Reader): BuildSettings {
  const develop = "configurations.develop.build";
  return {
    context: reader.text(`${develop}.context`) ?? reader.text("build.context") ?? ".",
    dockerfile: reader.text(`${develop}.dockerfile`) ?? reader.text("build.dockerfile") ?? "Dockerfile",
    target: reader.text(`${develop}.target`) ?? reader.text("build.target"),
    args: { ...reader.texts("build.args"), ...reader.texts(`${develop}.args`) },
    secrets: { ...secretsOf(reader, "build.secrets"), ...secretsOf(reader, `${develop}.secrets`) },
    ssh: [...new Set([...idsOf(reader, "build.ssh"), ...idsOf(reader, `${develop}.ssh`)])],
    useGitIgnore: reader.flag(`${develop}.useGitIgnore`) ?? reader.flag("build.useGitIgnore") ?? true,
    ignore: [...(reader.words("build.ignore") ?? []), ...(reader.words(`${develop}.ignore`) ?? [])],
  };
}

/** What BuildKit's options can carry. */
const MOUNT_ID = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

function secretsOf(reader: Reader, path: string): Readonly<Record<string, SecretSource>> {
  const entries = Object.entries(reader.mapping(path) ?? {}).map(([id, value]): readonly [string, SecretSource] => {
    const place = `${path}.${id}`;
    if (!MOUNT_ID.test(id)) reader.fail(place, "cannot be the id of a secret");
    const [key, ...more] = Object.keys(isObject(value) ? value : {});
    const text = asString(member(value, key ?? ""));
    if (text === undefined || more.length > 0 || (key !== "file" && key !== "env"))
      return reader.fail(place, "must be `file: PATH` or `env: VARIABLE`");
    return [id, key === "file" ? { file: text } : { env: text }];
  });
  return Object.fromEntries(entries);
}

function idsOf(reader: Reader, path: string): readonly string[] {
  const ids = reader.words(path) ?? [];
  if (!ids.every((id) => MOUNT_ID.test(id))) reader.fail(path, "must be a list of ids, such as `[default]`");
  return ids;
}

function installOf(reader: Reader): InstallSettings {
  const develop = "configurations.develop.install";
  const chart = reader.text(`${develop}.chart`) ?? reader.text("install.chart");
  if (chart === undefined) return reader.fail("install.chart", "is missing: the folder of the Helm chart");
  const files = [...(reader.words("install.values") ?? []), ...(reader.words(`${develop}.values`) ?? [])];
  const container = reader.words("configurations.develop.container.values") ?? [];
  return {
    chart,
    values: [...files, ...container].map((path) => ({ path: path.replace(/\?$/, ""), optional: path.endsWith("?") })),
    requires: reader.words("install.requires") ?? [],
    set: mergeValues(reader.mapping("install.set") ?? {}, reader.mapping(`${develop}.set`) ?? {}),
  };
}

function containerOf(reader: Reader): ContainerSettings {
  const container = "configurations.develop.container";
  const syncTarget = reader.text(`${container}.syncTarget`);
  if (syncTarget !== undefined && !syncTarget.startsWith("/"))
    reader.fail(`${container}.syncTarget`, "must be an absolute folder in the container");
  if (syncTarget !== undefined && posix.normalize(syncTarget) === "/")
    reader.fail(`${container}.syncTarget`, "must be a folder below `/`: files would lie among those of the system");
  return {
    sync: reader.words(`${container}.sync`) ?? [],
    syncTarget,
    syncBack: syncBackOf(reader, `${container}.syncBack`),
    command: reader.words(`${container}.command`) ?? [],
    iterate: iterateOf(reader, container),
  };
}

function syncBackOf(reader: Reader, path: string): readonly string[] {
  const globs = reader.words(path) ?? [];
  for (const glob of globs) {
    const problem = unsuitableGlob(glob);
    if (problem !== undefined) reader.fail(path, `has \`${glob}\`, which ${problem}`);
  }
  if (globs.length > 0 && globs.every((glob) => glob.startsWith("!")))
    reader.fail(path, "has only globs behind `!`, which take out; name what is wanted before them");
  return globs;
}

/** `refresh` is the older name of `iterate`. A key without a value asks for a restart and nothing else. */
function iterateOf(reader: Reader, container: string): IterateSettings | undefined {
  const path = ["iterate", "refresh"]
    .map((name) => `${container}.${name}`)
    .find((candidate) => reader.value(candidate) !== undefined);
  if (path === undefined) return undefined;
  reader.mapping(path);
  const lists = (key: string): readonly string[] =>
    reader.list(`${path}.${key}`).map((_, index) => `${path}.${key}.${index}`);
  return {
    processesToKill: reader.words(`${path}.processesToKill`) ?? [],
    buildCommands: lists("buildCommands").map((command) => reader.words(command) ?? []),
    dependencies: lists("dependencies").map((entry) => ({
      files: reader.words(`${entry}.files`) ?? reader.fail(`${entry}.files`, "is missing: globs of files"),
      command: reader.words(`${entry}.command`) ?? reader.fail(`${entry}.command`, "is missing: a list of words"),
    })),
  };
}

/** Deep merge as Helm does it: mappings are merged, everything else is replaced. */
export function mergeValues(base: JsonObject, over: JsonObject): JsonObject {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isObject(before) && isObject(value) ? mergeValues(before, value) : value;
  }
  return merged;
}
