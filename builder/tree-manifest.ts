/** What each synced tree holds, entry by entry, and what those held of which images were built. */
import { randomUUID } from "node:crypto";
import { link, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { asArray, parseJson } from "../core/parse.ts";
import { editsTree } from "../core/edits.ts";
import { type SessionTag, sessionOfImage } from "../core/session.ts";
import { type Manifest, parseEntry, parseManifest } from "../core/sync/manifest.ts";
import type { NamespaceFolders } from "./folders.ts";

export interface KeptManifest {
  readonly manifest: Manifest;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** @param tree `<session>/<context id>` */
export async function keepManifest(folders: NamespaceFolders, tree: string, { entries }: Manifest): Promise<void> {
  await mkdir(folders.manifests, { recursive: true });
  const partial = join(folders.manifests, `${randomUUID()}.tmp`);
  await writeFile(partial, JSON.stringify(entries));
  await rename(partial, fileOf(folders, tree));
}

export async function forgetManifest(folders: NamespaceFolders, tree: string): Promise<void> {
  await rm(fileOf(folders, tree), { force: true });
}

/** `undefined` when nobody can say what the tree holds. */
export async function readManifest(folders: NamespaceFolders, tree: string): Promise<KeptManifest | undefined> {
  const file = fileOf(folders, tree);
  try {
    const { mtimeMs } = await stat(file);
    const entries = parseJson(await readFile(file, "utf8"), { code: "PROTOCOL", path: file });
    return { manifest: parseManifest(asArray(entries).map(parseEntry)), at: Math.floor(mtimeMs) };
  } catch {
    return undefined;
  }
}

/** Of a tree that another builder has had since `at`. */
export async function dateManifest(folders: NamespaceFolders, tree: string, at: number): Promise<void> {
  await utimes(fileOf(folders, tree), at / 1000, at / 1000);
}

/** The tree as it is now is what `image` was built from. */
export async function keepBuilt(folders: NamespaceFolders, tree: string, image: string): Promise<void> {
  const tag = sessionOfImage(image);
  if (tag === undefined) return;
  const built = fileOf(folders, builtTree(tag));
  await rm(built, { force: true });
  // The file is replaced when the tree changes, never written to. Without it, everything counts as edited.
  await link(fileOf(folders, tree), built).catch(() => undefined);
  await forgetOlder(folders, tag);
}

/** The build before this one may still run: its pods are replaced only now. */
async function forgetOlder(folders: NamespaceFolders, { session, build }: SessionTag): Promise<void> {
  const names = await readdir(folders.manifests).catch(() => []);
  const prefix = `${session}~built-`;
  const builds = names.flatMap((name) => (name.startsWith(prefix) ? [Number.parseInt(name.slice(prefix.length))] : []));
  for (const older of builds.filter((each) => each < build - 1)) {
    const tag = { session, build: older };
    await rm(join(folders.trees, editsTree(tag)), { recursive: true, force: true });
    for (const tree of [builtTree(tag), editsTree(tag)]) await forgetManifest(folders, tree);
  }
}

/** What the images of a build were built from. */
export async function readBuilt(folders: NamespaceFolders, tag: SessionTag): Promise<Manifest | undefined> {
  return (await readManifest(folders, builtTree(tag)))?.manifest;
}

export async function writeBuilt(folders: NamespaceFolders, tag: SessionTag, manifest: Manifest): Promise<void> {
  await keepManifest(folders, builtTree(tag), manifest);
}

function builtTree({ session, build }: SessionTag): string {
  return `${session}/built-${build}`;
}

function fileOf(folders: NamespaceFolders, tree: string): string {
  return join(folders.manifests, `${tree.replace("/", "~")}.json`);
}
