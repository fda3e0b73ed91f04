/** Installs the project's chart as a release of the session: values expanded into a private file, Helm run, locks of a killed run freed. */
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Expansion, expandValues, type Tokens } from "../../project/expand.ts";
import type { Project } from "../../project/load.ts";
import type { Host } from "../../host.ts";
import type { HelmTarget } from "../../helm/args.ts";
import type { Helm } from "../../helm/helm.ts";

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
  readonly host: Pick<Host, "folder" | "pid" | "processAlive">;
  /** The process environment; overrules `.env`. */
  readonly environment: Readonly<Record<string, string>>;
}

/** @throws AzdsError CONFIG_INVALID, CHART_INVALID, RELEASE_FAILED; nothing is left behind on disk */
export async function installRelease(helm: Helm, request: InstallRequest): Promise<void> {
  const { project } = request;
  const expansion: Expansion = { tokens: request.tokens, variables: { ...project.variables, ...request.environment } };
  const values = expandValues(project.config.install.set, expansion);
  const folder = await valuesFolder(request.host, request.release);
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

/**
 * Values may hold secrets: a folder that only its owner reads, one for each release of each process, which installs
 * several at once. What a killed process left there is removed by the next.
 */
async function valuesFolder(host: InstallRequest["host"], release: string): Promise<string> {
  const root = join(host.folder, "values");
  await mkdir(root, { recursive: true, mode: 0o700 });
  const left = (await readdir(root)).filter((name) => !host.processAlive(Number.parseInt(name, 10)));
  await Promise.all(left.map(async (name) => rm(join(root, name), { recursive: true, force: true })));
  const folder = join(root, `${host.pid}-${release}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}
