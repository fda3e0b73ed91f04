/** Finds and reads the project of a folder: azds.yaml, its chart's name, `.env`. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parse } from "yaml";
import { AzdsError } from "../../core/errors.ts";
import { asString, member } from "../../core/parse.ts";
import { parseConfig, type ProjectConfig, type ValuesFile } from "./config.ts";
import { parseDotEnv } from "./expand.ts";

export const CONFIG_FILE = "azds.yaml";

export interface Project {
  /** Absolute folder of azds.yaml. */
  readonly folder: string;
  /** Name of the service: `fullnameOverride` of azds.yaml, so that services can share a chart, else the chart's name. */
  readonly name: string;
  readonly config: ProjectConfig;
  /** Absolute folder of the build context. */
  readonly contextFolder: string;
  /** Dockerfile relative to the build context, with `/`. */
  readonly dockerfile: string;
  /** Absolute folder of the chart. */
  readonly chartFolder: string;
  /** Absolute paths of the values files that exist, in order. */
  readonly valuesFiles: readonly string[];
  /** Of `.env`. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * Looks for azds.yaml in `cwd` and the folders above it.
 * @throws AzdsError CONFIG_NOT_FOUND, CONFIG_INVALID, DOCKERFILE_NOT_FOUND
 */
export function loadProject(cwd: string): Project {
  const folder = findFolder(cwd);
  const config = parseConfig(readFileSync(join(folder, CONFIG_FILE), "utf8"), CONFIG_FILE);
  const contextFolder = resolve(folder, config.build.context);
  if (!isFolder(contextFolder))
    throw new AzdsError("CONFIG_INVALID", `Build context directory not found: \`${config.build.context}\``);
  const dockerfile = resolve(folder, config.build.dockerfile);
  if (!existsSync(dockerfile))
    throw new AzdsError(
      "DOCKERFILE_NOT_FOUND",
      `The Dockerfile \`${config.build.dockerfile}\` named by azds.yaml does not exist`,
    );
  const inContext = relative(contextFolder, dockerfile).replaceAll("\\", "/");
  if (inContext.startsWith("..")) {
    throw new AzdsError(
      "CONFIG_INVALID",
      `The Dockerfile \`${config.build.dockerfile}\` lies outside the build context \`${config.build.context}\``,
    );
  }
  const chartFolder = resolve(folder, config.install.chart);
  return {
    folder,
    name: asString(config.install.set["fullnameOverride"]) ?? chartName(chartFolder, config.install.chart),
    config,
    contextFolder,
    dockerfile: inContext,
    chartFolder,
    valuesFiles: config.install.values.flatMap((file) => valuesFile(folder, file)),
    variables: dotEnv(join(folder, ".env")),
  };
}

function findFolder(cwd: string): string {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    if (existsSync(join(folder, CONFIG_FILE))) return folder;
    if (dirname(folder) === folder)
      throw new AzdsError(
        "CONFIG_NOT_FOUND",
        `Config file not found: neither \`${cwd}\` nor a folder above it has \`${CONFIG_FILE}\``,
      );
  }
}

function chartName(chartFolder: string, shown: string): string {
  const file = join(chartFolder, "Chart.yaml");
  if (!existsSync(file))
    throw new AzdsError("CONFIG_INVALID", `\`install.chart\` of azds.yaml: \`${shown}\` has no \`Chart.yaml\``);
  const name = asString(member(parse(readFileSync(file, "utf8")) as unknown, "name"));
  if (name === undefined) throw new AzdsError("CHART_INVALID", `\`${shown}/Chart.yaml\` has no \`name\``);
  return name;
}

function valuesFile(folder: string, file: ValuesFile): readonly string[] {
  const path = resolve(folder, file.path);
  if (existsSync(path)) return [path];
  if (file.optional) return [];
  throw new AzdsError(
    "CONFIG_INVALID",
    `\`install.values\` of azds.yaml: \`${file.path}\` does not exist; end the name with \`?\` where it may be absent`,
  );
}

function dotEnv(file: string): Readonly<Record<string, string>> {
  return existsSync(file) ? parseDotEnv(readFileSync(file, "utf8")) : {};
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
