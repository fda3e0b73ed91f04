/** The configuration of a built image, as BuildKit hands it out. */
import type { ImageConfig } from "../core/build-config.ts";
import { AzdsError } from "../core/errors.ts";
import { asArray, asString, at, member, parseJson } from "../core/parse.ts";

export interface BuiltImage {
  /** Digest of the configuration blob: `sha256:…`. */
  readonly configDigest: string;
  /** Digest of the manifest: `sha256:…`. */
  readonly digest: string;
}

/** @throws AzdsError PROTOCOL when buildctl's metadata file names no image */
export function parseMetadata(text: string): BuiltImage {
  const value = parseJson(text, { code: "PROTOCOL", path: "metadata of the build" });
  const configDigest = asString(member(value, "containerimage.config.digest"));
  const digest = asString(member(value, "containerimage.digest"));
  if (configDigest === undefined || digest === undefined) {
    throw new AzdsError("PROTOCOL", "BuildKit did not say which image it built");
  }
  return { configDigest, digest };
}

/** The `config` member of an OCI image configuration (OCI image specification, config.md). */
export function parseOciConfig(text: string): ImageConfig {
  return imageConfigOf(at(parseJson(text, { code: "PROTOCOL", path: "configuration of the image" }), "config"));
}

/** That member by itself; Docker hands it out under the same names. */
export function imageConfigOf(config: unknown): ImageConfig {
  const workingDir = asString(member(config, "WorkingDir")) ?? "";
  return {
    entrypoint: strings(member(config, "Entrypoint")),
    cmd: strings(member(config, "Cmd")),
    workingDir: workingDir === "" ? "/" : workingDir,
    user: asString(member(config, "User")) ?? "",
    env: strings(member(config, "Env")),
  };
}

function strings(value: unknown): readonly string[] {
  return asArray(value).flatMap((entry) => asString(entry) ?? []);
}
