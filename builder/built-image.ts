/** What buildctl left behind: the image in the node's store, described by a metadata file and by blobs of that store, or by Docker. */
import { readFile } from "node:fs/promises";
import { AzdsError } from "../core/errors.ts";
import type { Run } from "../core/host/run.ts";
import { type Buildctl, readBlobArgv } from "./buildctl.ts";
import type { DockerImages, StoredImage } from "./docker-images.ts";
import { parseMetadata, parseOciConfig } from "./image-config.ts";

export interface BuildctlPorts {
  readonly run: Run;
  readonly buildctl: Buildctl;
  /** Of all images that this builder makes: IMAGE_PREFIX, or that of the registry which gets them. */
  readonly prefix: string;
  /** Whole environment of buildctl. */
  readonly env: Readonly<Record<string, string>>;
  /** Set where images are in Docker's own store, whose blobs BuildKit does not hand out. */
  readonly docker?: DockerImages | undefined;
}

/** @throws AzdsError PROTOCOL, BUILDER_UNAVAILABLE */
export async function readBuiltImage(
  ports: BuildctlPorts,
  { reference, metadataFile }: { readonly reference: string; readonly metadataFile: string },
): Promise<StoredImage> {
  if (ports.docker !== undefined) return findInDocker(ports.docker, reference);
  const { configDigest, digest } = parseMetadata(await readFile(metadataFile, "utf8"));
  return { digest, config: parseOciConfig(await readBlob(ports, configDigest)) };
}

/** @throws AzdsError BUILDER_UNAVAILABLE */
export async function findInDocker(docker: DockerImages, reference: string): Promise<StoredImage> {
  const stored = await docker.find(reference);
  if (stored !== undefined) return stored;
  throw new AzdsError("BUILDER_UNAVAILABLE", `Docker has not kept the image \`${reference}\``);
}

/** @throws AzdsError BUILDER_UNAVAILABLE when the image's configuration cannot be had */
async function readBlob(ports: BuildctlPorts, digest: string): Promise<string> {
  const { code, stdout, stderr } = await withBuildctl(() =>
    ports.run(readBlobArgv(ports.buildctl, digest), { env: ports.env }),
  );
  if (code === 0) return stdout;
  throw new AzdsError("BUILDER_UNAVAILABLE", `BuildKit did not give the image's configuration: ${stderr.trim()}`);
}

/** @throws AzdsError BUILDER_UNAVAILABLE when there is no buildctl to start */
export async function withBuildctl<T>(program: () => Promise<T>): Promise<T> {
  try {
    return await program();
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "EACCES")))
      throw cause;
    throw new AzdsError("BUILDER_UNAVAILABLE", "The builder of this node has no `buildctl`", { cause });
  }
}
