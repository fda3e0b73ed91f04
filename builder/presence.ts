/**
 * Whether an image really is in the node's store: the kubelet collects images when the disk fills up, and says so to
 * nobody. BuildKit is asked to start from it, which reads the store and makes nothing.
 */
import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BUILDER_STATUS_MS_MAX } from "../core/limits.ts";
import { findImageArgv } from "./buildctl.ts";
import { type BuildctlPorts, withBuildctl } from "./built-image.ts";
import type { NamespaceFolders } from "./folders.ts";

/** False also when BuildKit does not answer: what cannot be seen has to be made. */
export async function isImageHere(ports: BuildctlPorts, folders: NamespaceFolders, image: string): Promise<boolean> {
  const folder = join(folders.work, randomUUID());
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "Dockerfile"), `FROM ${image}\n`);
    const argv = findImageArgv(ports.buildctl, folder);
    const signal = AbortSignal.timeout(BUILDER_STATUS_MS_MAX);
    return (await withBuildctl(() => ports.run(argv, { env: ports.env, signal }))).code === 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
