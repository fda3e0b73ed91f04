/** Installs the project's chart as a release of the session: values expanded into a private file, Helm run, locks of a killed run freed. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Expansion, expandValues, type Tokens } from "../project/expand.ts";
import type { Project } from "../project/load.ts";
import type { HelmTarget } from "../helm/args.ts";
import type { Helm } from "../helm/helm.ts";

/** Helm allows 53 characters (its own limit for release names). */
const RELEASE_NAME_MAX = 53;

/** The same for every developer and machine: a re-made cluster or a new laptop finds the old release. */
export function releaseName(service: string): string {
  return `azds-${service}`.slice(0, RELEASE_NAME_MAX).replace(/-+$/, "");
}

export interface InstallRequest {
  readonly project: Project;
  readonly release: string;
  readonly target: HelmTarget;
  readonly tokens: Tokens;
  /** The process environment; overrules `.env`. */
  readonly environment: Readonly<Record<string, string>>;
}

/** @throws AzdsError CONFIG_INVALID, CHART_INVALID, RELEASE_FAILED; nothing is left behind on disk */
export async function installRelease(helm: Helm, request: InstallRequest): Promise<void> {
  const { project } = request;
  const expansion: Expansion = { tokens: request.tokens, variables: { ...project.variables, ...request.environment } };
  const values = expandValues(project.config.install.set, expansion);
  // Values may hold secrets: a folder of our own (0700) and a file only its owner reads.
  const folder = await mkdtemp(join(tmpdir(), "azds-values-"));
  try {
    const file = join(folder, "values.json");
    await writeFile(file, JSON.stringify(values), { mode: 0o600 });
    await helm.unlock(request.release, request.target);
    await helm.upgrade({
      ...request.target,
      name: request.release,
      chart: project.chartFolder,
      valuesFiles: [...project.valuesFiles, file],
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
