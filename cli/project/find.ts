/** Which projects a command means: this folder's, the named ones, or all below a folder that has none of its own. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AzdsError } from "../../core/errors.ts";
import { PROJECT_DEPTH_MAX, PROJECTS_MAX } from "../../core/limits.ts";
import { CONFIG_FILE, loadProject, type Project } from "./load.ts";

/**
 * Each project once, in the order of the names or of the alphabet.
 * @param names folders, relative to `cwd`
 * @throws AzdsError CONFIG_NOT_FOUND, USAGE when two have the same service name, and what `loadProject` throws
 */
export function findProjects(cwd: string, names: readonly string[]): readonly Project[] {
  const folders = names.length > 0 ? names.map((name) => named(cwd, name)) : unnamed(cwd);
  const projects = [...new Set(folders)].map(loadProject);
  refuseTwins(projects);
  return projects;
}

/** @throws AzdsError USAGE when two have the same service name */
export function refuseTwins(projects: readonly Project[]): void {
  for (const [index, project] of projects.entries()) {
    const twin = projects.slice(0, index).find(({ name }) => name === project.name);
    if (twin !== undefined)
      throw new AzdsError(
        "USAGE",
        `\`${basename(twin.folder)}\` and \`${basename(project.folder)}\` are both called \`${project.name}\`, so they would replace each other`,
      );
  }
}

function named(cwd: string, name: string): string {
  const folder = resolve(cwd, name);
  if (existsSync(join(folder, CONFIG_FILE))) return folder;
  throw new AzdsError("CONFIG_NOT_FOUND", `Config file not found: \`${name}\` has no \`${CONFIG_FILE}\``);
}

/** Upwards first: a folder inside a service means that service. */
function unnamed(cwd: string): readonly string[] {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    if (existsSync(join(folder, CONFIG_FILE))) return [folder];
    if (dirname(folder) === folder) break;
  }
  const below = foldersBelow(resolve(cwd), PROJECT_DEPTH_MAX);
  if (below.length === 0) {
    const text = `Config file not found: neither \`${cwd}\`, nor a folder above or below it, has \`${CONFIG_FILE}\``;
    throw new AzdsError("CONFIG_NOT_FOUND", text);
  }
  if (below.length > PROJECTS_MAX)
    throw new AzdsError("USAGE", `${below.length} services lie below \`${cwd}\`; name those that are meant`);
  return below;
}

const NEVER_PROJECTS: ReadonlySet<string> = new Set(["node_modules", "vendor", "charts"]);

/** A project is not searched for others. */
function foldersBelow(folder: string, depth: number): readonly string[] {
  if (existsSync(join(folder, CONFIG_FILE))) return [folder];
  if (depth === 0) return [];
  const inner = readdirSync(folder, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith(".") && !NEVER_PROJECTS.has(entry.name),
  );
  return inner
    .map(({ name }) => name)
    .toSorted()
    .flatMap((name) => foldersBelow(join(folder, name), depth - 1));
}
