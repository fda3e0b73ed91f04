/** What a synced tree holds, as one digest on disk, so that an image is never rebuilt from other sources than its own. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest } from "../core/sync/manifest.ts";
import type { NamespaceFolders } from "./folders.ts";

/** @param tree `<session>/<context id>` */
export async function noteVersion(folders: NamespaceFolders, tree: string, manifest: Manifest): Promise<void> {
  await mkdir(folders.versions, { recursive: true });
  await writeFile(fileOf(folders, tree), createHash("sha256").update(JSON.stringify(manifest.entries)).digest("hex"));
}

export async function forgetVersion(folders: NamespaceFolders, tree: string): Promise<void> {
  await rm(fileOf(folders, tree), { force: true });
}

/** `undefined` when nobody can say what the tree holds. */
export async function readVersion(folders: NamespaceFolders, tree: string): Promise<string | undefined> {
  try {
    return (await readFile(fileOf(folders, tree), "utf8")) || undefined;
  } catch {
    return undefined;
  }
}

function fileOf(folders: NamespaceFolders, tree: string): string {
  return join(folders.versions, tree.replace("/", "~"));
}
