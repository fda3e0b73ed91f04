/** What a build gets from the developer's machine and keeps nowhere: files and variables, named in azds.yaml. */
import { readFile } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { AzdsError } from "../../../core/errors.ts";
import { BUILD_SECRET_BYTES_MAX } from "../../../core/limits.ts";
import type { SecretSource } from "../../project/config.ts";
import { CONFIG_FILE, type Project } from "../../project/load.ts";

export type Variables = Readonly<Record<string, string>>;

/** Contents by id. @throws AzdsError CONFIG_INVALID for one that is not there, or is too large */
export async function readSecrets(project: Project, variables: Variables): Promise<ReadonlyMap<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>();
  for (const [id, source] of Object.entries(project.config.build.secrets)) {
    const content = "env" in source ? ofVariable(source.env, variables) : await ofFile(project, source.file, variables);
    if (content === undefined) throw invalid(id, `${shown(source)} does not exist`);
    if (content.length > BUILD_SECRET_BYTES_MAX) throw invalid(id, `${shown(source)} is larger than 500 KiB`);
    contents.set(id, content);
  }
  return contents;
}

/** Where the SSH agent listens. @throws AzdsError CONFIG_INVALID when there is none */
export function agentSocket(variables: Variables): string {
  const path = variables["SSH_AUTH_SOCK"] ?? "";
  if (path !== "") return path;
  throw new AzdsError(
    "CONFIG_INVALID",
    `\`build.ssh\` of ${CONFIG_FILE} needs an SSH agent, but \`SSH_AUTH_SOCK\` is not set`,
  );
}

function ofVariable(name: string, variables: Variables): Uint8Array | undefined {
  const value = variables[name];
  return value === undefined ? undefined : new TextEncoder().encode(value);
}

async function ofFile(project: Project, path: string, variables: Variables): Promise<Uint8Array | undefined> {
  const home = variables["HOME"] ?? variables["USERPROFILE"] ?? "";
  const full = path.startsWith("~/") ? join(home, path.slice(2)) : path;
  try {
    return await readFile(isAbsolute(full) ? full : resolve(project.folder, full));
  } catch {
    return undefined;
  }
}

function shown(source: SecretSource): string {
  return "env" in source ? `the variable \`${source.env}\`` : `the file \`${source.file}\``;
}

function invalid(id: string, problem: string): AzdsError {
  return new AzdsError("CONFIG_INVALID", `\`build.secrets.${id}\` of ${CONFIG_FILE}: ${problem}`);
}
