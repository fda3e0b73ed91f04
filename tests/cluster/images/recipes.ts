import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SYSTEM_PATH } from "../packages.ts";
import type { ImagePrograms } from "../programs.ts";
import type { PackageSources } from "../registries.ts";
import type { Image } from "./archive.ts";
import { unpackDebianPackages } from "./debian.ts";
import { fillGoBuildCache, goImage, nodeImage, pythonImage } from "./languages.ts";
import {
  alpineImage,
  buildkitImage,
  busyboxImage,
  distrolessImage,
  dnsImage,
  pauseImage,
  redisImage,
  REDIS_PACKAGES,
} from "./plain.ts";

export type ImageInputs = { readonly programs: ImagePrograms; readonly sources: PackageSources };

export type Recipe = { readonly name: string; readonly make: () => Promise<Image> };

/** Every image a node has from the start. `workDir` takes what the recipes need besides this machine's files. */
export function recipes({ programs, sources }: ImageInputs, workDir: string): Recipe[] {
  const staticBusybox = Bun.which("busybox", { PATH: SYSTEM_PATH }) ?? "/bin/busybox";
  const debian = join(workDir, "debian");
  // The static one cannot look up names; this one uses the C library.
  const busybox = join(debian, "bin/busybox");
  const withDebian = async (make: () => Promise<Image>): Promise<Image> => {
    await unpackDebianPackages(debian, ["busybox", ...REDIS_PACKAGES]);
    return make();
  };
  const goCache = join(workDir, "go-build");
  const goWithCache = async (): Promise<Image> => {
    if (existsSync(goCache)) rmSync(goCache, { recursive: true });
    await fillGoBuildCache(goCache);
    return goImage({ busybox, sources }, goCache);
  };
  return [
    { name: "pause", make: async () => pauseImage(programs) },
    { name: "coredns", make: async () => dnsImage(programs) },
    { name: "buildkit", make: () => buildkitImage(programs, staticBusybox) },
    { name: "alpine", make: () => alpineImage(staticBusybox) },
    { name: "distroless", make: async () => distrolessImage() },
    { name: "busybox", make: () => withDebian(() => busyboxImage(busybox)) },
    { name: "redis", make: () => withDebian(() => redisImage(debian, busybox)) },
    { name: "node", make: () => withDebian(() => nodeImage({ busybox, sources })) },
    { name: "python", make: () => withDebian(() => pythonImage({ busybox, sources })) },
    { name: "golang", make: () => withDebian(goWithCache) },
  ];
}
