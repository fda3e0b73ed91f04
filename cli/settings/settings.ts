/** What azds remembers for one user on one machine: `~/.azds/settings.json`. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { asArray, asString, at, member } from "../../core/parse.ts";
import type { Emit } from "../engine/events.ts";
import type { Host } from "../host.ts";

/** The selected space of one cluster, as one kubeconfig context reaches it. */
export interface Selection {
  readonly context: string;
  readonly server: string;
  /** The namespace. */
  readonly space: string;
}

export interface Settings {
  readonly selections: readonly Selection[];
}

const EMPTY: Settings = { selections: [] };

/** Empty when there is no file yet. A file that cannot be understood is told of and counts as empty. */
export async function readSettings(host: Host, emit: Emit): Promise<Settings> {
  const path = settingsPath(host);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (at(error, "code") !== "ENOENT") warn(emit, path);
    return EMPTY;
  }
  try {
    const selections = member(JSON.parse(text), "selections");
    return { selections: asArray(selections).flatMap((entry) => readSelection(entry) ?? []) };
  } catch {
    warn(emit, path);
    return EMPTY;
  }
}

/** Replaces the file in one step, so that a reader never sees half of it. */
export async function writeSettings(host: Host, settings: Settings): Promise<void> {
  const path = settingsPath(host);
  const draft = `${path}.${host.pid}`;
  await mkdir(host.folder, { recursive: true, mode: 0o700 });
  await writeFile(draft, `${JSON.stringify({ version: 1, ...settings }, undefined, 2)}\n`, { mode: 0o600 });
  await rename(draft, path);
}

function settingsPath(host: Host): string {
  return join(host.folder, "settings.json");
}

function readSelection(value: unknown): Selection | undefined {
  const context = asString(at(value, "context"));
  const server = asString(at(value, "server"));
  const space = asString(at(value, "space"));
  return context === undefined || server === undefined || space === undefined ? undefined : { context, server, space };
}

function warn(emit: Emit, path: string): void {
  emit({
    type: "message",
    level: "warning",
    text: `\`${path}\` cannot be read and is ignored; no dev space counts as selected`,
  });
}
