/** What the webhook tells `__build` in `ENV.build`, and what `__build` leaves for `__agent`. */
import { asArray, asNumber, asString, asStringRecord, expectObject, expectString, member, parseJson } from "./parse.ts";
import { parseServer, type ServerAddress } from "./sidecar-config.ts";

export interface BuildConfig {
  readonly version: 1;
  readonly session: string;
  /** Images the pod needs, as rewritten by the webhook (`builtImage`). */
  readonly images: readonly string[];
  readonly builder: ServerAddress;
  /** PEM of our certificate authority. */
  readonly ca: string;
  /** The build that was edited in place, and whose edits the pod has to start with; absent when there are none. */
  readonly edited?: number;
}

export function formatBuildConfig(config: BuildConfig): string {
  return JSON.stringify(config);
}

/** @throws AzdsError PROTOCOL when the text is no configuration of this version */
export function parseBuildConfig(text: string): BuildConfig {
  const place = { code: "PROTOCOL", path: "AZDS_BUILD" } as const;
  const value = expectObject(parseJson(text, place), place);
  const edited = asNumber(value["edited"]);
  return {
    version: 1,
    session: expectString(value["session"], { ...place, path: "AZDS_BUILD.session" }),
    images: asArray(value["images"]).flatMap((image) => asString(image) ?? []),
    builder: parseServer(value["builder"], "AZDS_BUILD.builder"),
    ca: expectString(value["ca"], { ...place, path: "AZDS_BUILD.ca" }),
    ...(edited === undefined ? {} : { edited }),
  };
}

/** The part of an image's configuration that decides what a container starts (OCI image specification, config.md). */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly env: readonly string[];
}

/** Content of `IMAGE_CONFIG_FILE`: image reference → its configuration. */
export type ImageConfigs = Readonly<Record<string, ImageConfig>>;

export function parseImageConfig(value: unknown): ImageConfig {
  return {
    entrypoint: strings(member(value, "entrypoint")),
    cmd: strings(member(value, "cmd")),
    workingDir: asString(member(value, "workingDir")) ?? "/",
    user: asString(member(value, "user")) ?? "",
    env: strings(member(value, "env")),
  };
}

/** @throws AzdsError PROTOCOL when the text is no JSON mapping */
export function parseImageConfigs(text: string): ImageConfigs {
  const place = { code: "PROTOCOL", path: "images.json" } as const;
  const value = expectObject(parseJson(text, place), place);
  return Object.fromEntries(Object.entries(value).map(([image, config]) => [image, parseImageConfig(config)]));
}

/** Variables of the process environment, without those that are not set. */
export function stringEnvironment(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return asStringRecord(env);
}

function strings(value: unknown): readonly string[] {
  return asArray(value).flatMap((entry) => asString(entry) ?? []);
}
