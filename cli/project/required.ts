/** Services that others need beside them: `install.requires` of azds.yaml, a list of folders. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { AzdsError } from "../../core/errors.ts";
import { CONFIG_FILE, loadProject, type Project } from "./load.ts";

/**
 * The projects and all that they require, each once and after what it requires itself.
 * @throws AzdsError CONFIG_INVALID for a folder without azds.yaml and for services that require each other in a circle
 */
export function withRequired(projects: readonly Project[]): readonly Project[] {
  const loaded = new Map(projects.map((project) => [project.folder, project]));
  const ordered = new Set<Project>();
  const visit = (project: Project, above: readonly Project[]): void => {
    if (ordered.has(project)) return;
    if (above.includes(project))
      throw new AzdsError(
        "CONFIG_INVALID",
        `\`install.requires\` of azds.yaml: ${[...above.slice(above.indexOf(project)), project].map(({ name }) => `\`${name}\``).join(" requires ")}, a circle`,
      );
    for (const folder of requiredFolders(project)) {
      const required = loaded.get(folder) ?? loadProject(folder);
      loaded.set(folder, required);
      visit(required, [...above, project]);
    }
    ordered.add(project);
  };
  for (const project of projects) visit(project, []);
  return [...ordered];
}

/** Absolute. */
export function requiredFolders({ folder, name, config }: Project): readonly string[] {
  return config.install.requires.map((written) => {
    const required = resolve(folder, written);
    if (existsSync(join(required, CONFIG_FILE))) return required;
    throw new AzdsError(
      "CONFIG_INVALID",
      `\`install.requires\` of azds.yaml of \`${name}\`: \`${written}\` has no \`${CONFIG_FILE}\``,
    );
  });
}
