/** Projects of one service in temporary folders, prepared by `azds init`. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type CommandResult, type Developer, kubectlOk, type RunningCommand, scratchFolder } from "./cluster.ts";

const SOURCES = join(import.meta.dir, "../../projects/chain");

/** A service that answers `["<service name>"]` at port 80. */
export interface Project {
  readonly name: string;
  readonly folder: string;
  readonly read: (path: string) => string;
  readonly write: (path: string, text: string) => void;
  /** Replaces the first occurrence; a text that is not there is a mistake of the test. */
  readonly edit: (path: string, before: string, after: string) => void;
  /** `azds` in the project's folder. */
  readonly azds: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<CommandResult>;
  /** Starts a command that stays; the caller ends it. */
  readonly start: (args: readonly string[], env?: Readonly<Record<string, string>>) => RunningCommand;
  readonly remove: () => void;
}

export async function initProject(owner: Developer, name: string): Promise<Project> {
  const folder = scratchFolder(name);
  cpSync(SOURCES, folder, { recursive: true });
  writeFileSync(join(folder, "service.json"), JSON.stringify({ name }));
  const azds: Project["azds"] = async (args, env = {}) => owner.azds(args, { cwd: folder, env });
  const init = await azds(["init", "--port", "80"]);
  if (init.code !== 0) throw new Error(`azds init: ${init.stderr}`);
  return {
    name,
    folder,
    azds,
    start: (args, env = {}) => owner.start(args, { cwd: folder, env }),
    read: (path) => readFileSync(join(folder, path), "utf8"),
    write: (path, text) => writeFileSync(join(folder, path), text),
    edit: (path, before, after) => {
      const text = readFileSync(join(folder, path), "utf8");
      if (!text.includes(before)) throw new Error(`\`${before}\` is not in ${path}`);
      writeFileSync(
        join(folder, path),
        text.replace(before, () => after),
      );
    },
    remove: () => rmSync(dirname(folder), { recursive: true, force: true }),
  };
}

/** Names of what `up` makes in a space, as `kind/name`: releases as their Secrets. */
export async function traces(space: string): Promise<readonly string[]> {
  const kinds = "deployments.apps,services,pods,secrets,leases.coordination.k8s.io";
  return (await kubectlOk(["-n", space, "get", kinds, "-o", "name"])).split("\n").filter((line) => line !== "");
}

/** Holders of the sessions in a space, one entry a Lease; empty for one that nobody holds. */
export async function holders(space: string): Promise<readonly string[]> {
  const path = '{range .items[*]}{.spec.holderIdentity}{"\\n"}{end}';
  const text = await kubectlOk(["-n", space, "get", "leases", "-l", "azds.io/session", "-o", `jsonpath=${path}`]);
  return text.split("\n").slice(0, -1);
}
