/** Where images are in a registry: takes one from there that another node's builder has put in. */
import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AzdsError } from "../core/errors.ts";
import { REGISTRY_MS_MAX } from "../core/limits.ts";
import type { BuildPorts } from "./build.ts";
import { pullArgv } from "./buildctl.ts";
import { readBuiltImage, withBuildctl } from "./built-image.ts";
import { namespaceFolders } from "./folders.ts";
import type { RestorePorts } from "./restore.ts";

/** How BuildKit words that the registry answered, and has no such image. */
const ABSENT = /: not found$/m;

/** The kubelet pulls the image itself; here it is recorded, with what it starts. */
export function pullFromRegistry(ports: BuildPorts & { readonly root: string }): RestorePorts["fetch"] {
  return async ({ namespace, image, signal }) => {
    const folders = namespaceFolders(ports.root, namespace);
    const folder = join(folders.work, randomUUID());
    const metadataFile = join(folder, "metadata");
    try {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, "Dockerfile"), `FROM ${image}\n`);
      const argv = pullArgv(ports.buildctl, {
        folder,
        reference: image,
        metadataFile,
      });
      const limited = AbortSignal.any([signal, AbortSignal.timeout(REGISTRY_MS_MAX)]);
      const { code, stderr } = await withBuildctl(() => ports.run(argv, { env: ports.env, signal: limited }));
      signal.throwIfAborted();
      if (code === 0) {
        const built = await readBuiltImage(ports, { reference: image, metadataFile });
        await ports.images.save(folders, {
          image,
          ...built,
          builtAt: ports.clock.now(),
        });
        return true;
      }
      if (ABSENT.test(stderr)) return "the registry does not have it";
      const said = stderr.trim().split("\n").at(-1) ?? "";
      throw new AzdsError("BUILDER_UNAVAILABLE", `The image could not be pulled: ${said}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}
