/**
 * Whether an image really is where pods look for it: the kubelet collects images of the node's store when the disk fills
 * up, and says so to nobody; registries are cleaned, too. BuildKit is asked to start from it, which makes nothing.
 */
import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isInRegistry } from "../core/builder-protocol.ts";
import { BUILDER_STATUS_MS_MAX, REGISTRY_MS_MAX } from "../core/limits.ts";
import { findImageArgv } from "./buildctl.ts";
import { type BuildctlPorts, withBuildctl } from "./built-image.ts";
import type { NamespaceFolders } from "./folders.ts";

/** False also when BuildKit does not answer: what cannot be seen has to be made. */
export async function isImageHere(ports: BuildctlPorts, folders: NamespaceFolders, image: string): Promise<boolean> {
  if (ports.docker !== undefined) return (await ports.docker.find(image).catch(() => undefined)) !== undefined;
  const folder = join(folders.work, randomUUID());
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "Dockerfile"), `FROM ${image}\n`);
    const argv = findImageArgv(ports.buildctl, folder, isInRegistry(ports.prefix) ? "pull" : "local");
    const signal = AbortSignal.timeout(isInRegistry(ports.prefix) ? REGISTRY_MS_MAX : BUILDER_STATUS_MS_MAX);
    return (await withBuildctl(() => ports.run(argv, { env: ports.env, signal }))).code === 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
