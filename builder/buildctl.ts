/** Command lines of `buildctl`, BuildKit's client. Pure: nothing is run here. */
import type { BuildRequest } from "../core/builder-protocol.ts";

/** Copied out of BuildKit's image by an init container: ours has no other program. */
export const BUILDCTL = "/tools/buildctl";
/** Where `buildkitd` listens, in a volume that both containers mount. */
export const BUILDKIT_SOCKET = "/run/azds/buildkitd.sock";

export interface Buildctl {
  readonly file: string;
  readonly socket: string;
}

/** Where the image goes: into the store of the node's runtime, or to the registry in its reference. */
export type ImagePlace = "containerd" | "docker" | "registry";

export interface BuildPlan {
  readonly request: BuildRequest;
  /** Folder of the synced tree. */
  readonly tree: string;
  /** Full reference that the image gets. */
  readonly reference: string;
  /** Cache mounts are shared inside this namespace only. */
  readonly namespace: string;
  /** Written by buildctl after success. */
  readonly metadataFile: string;
  readonly place: ImagePlace;
  /** For secrets (builder/secrets.ts). */
  readonly mounts: readonly string[];
}

/**
 * The Dockerfile is looked for from the tree's root, never in a folder named by the client: BuildKit follows symbolic
 * links inside a root that it was given, but opens the root itself wherever it points to.
 */
export function buildArgv(buildctl: Buildctl, plan: BuildPlan): readonly string[] {
  const { request, tree } = plan;
  const options = [
    `filename=${request.dockerfile}`,
    `image-resolve-mode=${request.clean ? "pull" : "local"}`,
    ...(request.target === undefined ? [] : [`target=${request.target}`]),
    ...Object.entries(request.args).map(([name, value]) => `build-arg:${name}=${value}`),
    // The last of two equal options counts, so a client cannot take the cache of another namespace.
    `build-arg:BUILDKIT_CACHE_MOUNT_NS=${plan.namespace}`,
  ];
  return [
    ...connected(buildctl),
    "build",
    "--progress=rawjson",
    "--frontend",
    "dockerfile.v0",
    "--local",
    `context=${tree}`,
    "--local",
    `dockerfile=${tree}`,
    ...options.flatMap((option) => ["--opt", option]),
    ...(request.clean ? ["--no-cache"] : []),
    ...plan.mounts,
    ...imageOutput(plan, plan.place),
  ];
}

/** Name under which a Dockerfile of ours takes an image from a layout. */
const FETCHED = "fetched";

/**
 * Succeeds when the image is there: `folder` holds a Dockerfile that starts from it, and nothing is put out.
 *
 * @param where `pull` asks the registry; `local` the node's store alone, as IMAGE_PREFIX never resolves (templates/control-plane/builder.ts)
 */
export function findImageArgv(buildctl: Buildctl, folder: string, where: "local" | "pull"): readonly string[] {
  return [...fromFolder(buildctl, folder), "--opt", `image-resolve-mode=${where}`];
}

/**
 * Describes an image of a registry: `folder` holds a Dockerfile that starts from it. Its layers stay where they are: the
 * kubelet pulls them, and must not find half an image of ours in the node's store.
 */
export function pullArgv(
  buildctl: Buildctl,
  { folder, reference, metadataFile }: Pick<ImportPlan, "folder" | "reference" | "metadataFile">,
): readonly string[] {
  const output = ["--output", `type=image,name=${reference},store=false`, "--metadata-file", metadataFile];
  return [...findImageArgv(buildctl, folder, "pull"), ...output];
}

export interface ImportPlan {
  /** Holds the Dockerfile of `IMPORT_DOCKERFILE`. */
  readonly folder: string;
  /** OCI image layout; blobs that the node's store has may be missing. */
  readonly layout: string;
  /** Of the image's manifest: `sha256:…`. */
  readonly digest: string;
  readonly reference: string;
  readonly metadataFile: string;
}

export const IMPORT_DOCKERFILE = `FROM ${FETCHED}\n`;

/** Puts an image of a layout into the node's store. */
export function importArgv(buildctl: Buildctl, plan: ImportPlan): readonly string[] {
  return [
    ...fromFolder(buildctl, plan.folder),
    "--oci-layout",
    `${FETCHED}=${plan.layout}`,
    "--opt",
    `context:${FETCHED}=oci-layout://${FETCHED}@${plan.digest}`,
    ...imageOutput(plan, "containerd"),
  ];
}

function fromFolder(buildctl: Buildctl, folder: string): readonly string[] {
  const locals = ["--local", `context=${folder}`, "--local", `dockerfile=${folder}`];
  return [...connected(buildctl), "build", "--progress=rawjson", "--frontend", "dockerfile.v0", ...locals];
}

function imageOutput(
  { reference, metadataFile }: Pick<BuildPlan, "reference" | "metadataFile">,
  place: ImagePlace,
): readonly string[] {
  return ["--output", OUTPUTS[place](reference), "--metadata-file", metadataFile];
}

const OUTPUTS: Readonly<Record<ImagePlace, (reference: string) => string>> = {
  containerd: (reference) => `type=image,name=${reference},unpack=true`,
  // The exporter of the BuildKit inside Docker, into Docker's store.
  docker: (reference) => `type=moby,name=${reference}`,
  registry: (reference) => `type=image,name=${reference},unpack=true,push=true`,
};

/** Prints a blob of the node's image store. @param digest `sha256:…` */
export function readBlobArgv(buildctl: Buildctl, digest: string): readonly string[] {
  return [...connected(buildctl), "debug", "get", digest];
}

/** Makes BuildKit forget the builds that have ended, with their logs. */
export function forgetBuildsArgv(buildctl: Buildctl): readonly string[] {
  return [...connected(buildctl), "prune-histories"];
}

/** Removes the build cache that no running build uses; images stay. */
export function pruneArgv(buildctl: Buildctl): readonly string[] {
  return [...connected(buildctl), "prune"];
}

/** Succeeds when buildkitd answers. */
export function listWorkersArgv(buildctl: Buildctl): readonly string[] {
  return [...connected(buildctl), "debug", "workers"];
}

function connected({ file, socket }: Buildctl): readonly string[] {
  return [file, "--addr", `unix://${socket}`];
}
