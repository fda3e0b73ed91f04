/**
 * Between a pod of a session (or the CLI through it) and the builder of its node.
 *
 * Connection: TLS; the client writes one line `BuilderHello` (JSON, `\n`), the builder answers one line `BuilderWelcome`;
 * then both sides speak the multiplexed wire of core/wire. The tunnel on `PORT.build` of a session pod does TLS and
 * hello itself and then copies bytes, so the CLI never sees the token.
 *
 * Streams, opened by the client by name, each carrying messages of core/wire/messages.ts:
 * `sync`   the sync protocol of core/sync; its tree is named `<session>/<context id>`
 * `build`  one `BuildRequest`, then one `BuildSecret` message for each that it announces, answered by `BuildEvent`s; the
 *          last is `done` or `failed`. Aborting the stream cancels.
 * `wait`   one `WaitRequest`, answered by one `WaitAnswer` as soon as all images are on the node; before it `WaitNews`
 * `status` answered by one `BuilderStatus`
 * `edits`  one `EditsQuery`, answered by one `EditsAnswer`; after one message more of the client's the builder is the
 *          sender of the sync protocol, with the tree that core/edits.ts describes
 * `built`  one `EditsQuery`, answered by one `BuiltAnswer`
 * `ssh`    opened by the builder while a build that asked for it runs: one connection to the developer's SSH agent
 * Between builders only:
 * `image`  one `ImageQuery`, answered by one message whose `record` is there when that node has the image
 * `blob`   one `BlobQuery`, answered by the bytes of the blob, without messages
 * `archive` one `ImageQuery`, answered by the bytes of the image as of `docker save`, where that node runs Docker
 */
import { type ImageConfig, type ImageConfigs, parseImageConfig } from "./build-config.ts";
import { IMAGE_PREFIX } from "./contract.ts";
import { AzdsError, type ErrorCode, isErrorCode } from "./errors.ts";
import { type EditsSummary, parseSummary } from "./edits.ts";
import { asArray, asNumber, asString, at, member } from "./parse.ts";
import type { SessionTag } from "./session.ts";
import { type Manifest, parseEntry, parseManifest } from "./sync/manifest.ts";

export interface BuilderHello {
  readonly protocol: "azds-builder/1";
  /** Service-account token for TOKEN_AUDIENCE; its namespace is the only one the client may write images of. */
  readonly token: string;
}

export type BuilderWelcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

export interface BuildRequest {
  readonly session: string;
  /** `<repository>:<tag>`; becomes `<prefix>/<namespace>/<repository>:<tag>` (`builtImage`). */
  readonly image: string;
  /** The synced tree that is the build context: `<session>/<context id>`. */
  readonly tree: string;
  /** Path of the Dockerfile inside the tree. */
  readonly dockerfile: string;
  readonly target?: string;
  readonly args: Readonly<Record<string, string>>;
  /** `--no-cache --pull`. */
  readonly clean: boolean;
  /** Ids that `RUN --mount=type=secret` may name. Their contents follow in messages of their own, and are kept nowhere. */
  readonly secrets?: readonly string[];
  /** Ids that `RUN --mount=type=ssh` may name; all of them are the developer's one agent. */
  readonly ssh?: readonly string[];
  /** Whether a secret `REGISTRY_AUTH` follows: a Docker configuration file for base images. */
  readonly registryAuth?: boolean;
}

/** Head of the message whose body is the secret. */
export interface BuildSecret {
  readonly secret: string;
}

/** No id of a developer's secret can be this. */
export const REGISTRY_AUTH = "registry-auth/config.json";

/** In the message of a failure: how the kernel, and the programs of a build's steps, word a full disk. */
export const DISK_FULL = /ENOSPC|no space left on device/i;

/** Stream of the builder's for one connection to the SSH agent. */
export const SSH_STREAM = "ssh";

export type BuildEvent =
  | {
      readonly type: "step";
      readonly id: string;
      readonly name: string;
      readonly state: "started" | "cached" | "done" | "failed";
      readonly ms?: number;
    }
  | { readonly type: "log"; readonly id: string; readonly stream: "stdout" | "stderr"; readonly text: string }
  | { readonly type: "done"; readonly image: string; readonly config: ImageConfig; readonly ms: number }
  /** `message` is the cause in words, with the Dockerfile's line where known. */
  | { readonly type: "failed"; readonly code: ErrorCode; readonly message: string };

const STEP_STATES = ["started", "cached", "done", "failed"] as const;

/** @throws AzdsError PROTOCOL for anything that is no BuildEvent */
export function parseBuildEvent(value: unknown): BuildEvent {
  const text = (key: string): string => asString(at(value, key)) ?? "";
  switch (at(value, "type")) {
    case "step": {
      const state = STEP_STATES.find((known) => known === at(value, "state"));
      const ms = asNumber(at(value, "ms"));
      if (state === undefined) break;
      return { type: "step", id: text("id"), name: text("name"), state, ...(ms === undefined ? {} : { ms }) };
    }
    case "log":
      return {
        type: "log",
        id: text("id"),
        stream: at(value, "stream") === "stderr" ? "stderr" : "stdout",
        text: text("text"),
      };
    case "done":
      return {
        type: "done",
        image: text("image"),
        config: parseImageConfig(at(value, "config")),
        ms: asNumber(at(value, "ms")) ?? 0,
      };
    case "failed": {
      const code = text("code");
      return { type: "failed", code: isErrorCode(code) ? code : "BUILD_FAILED", message: text("message") };
    }
  }
  throw new AzdsError("PROTOCOL", "The builder sent a message that this version of azds does not know");
}

export interface WaitRequest {
  readonly images: readonly string[];
  /** Whether the client takes `WaitNews`. */
  readonly news?: boolean;
}

/** What is awaited, or how an image came back, in words. */
export interface WaitNews {
  readonly news: string;
}

export interface WaitAnswer {
  readonly images: ImageConfigs;
}

export interface ImageQuery {
  /** As the pod names it (`builtImage`). */
  readonly image: string;
}

export interface BlobQuery {
  /** `sha256:…` */
  readonly digest: string;
}

export interface EditsQuery extends SessionTag {
  /** Whether the builders of other nodes are asked, too, when this is not a builder's question. */
  readonly peers: boolean;
  /** From builders only; for all others it is their own. */
  readonly namespace?: string;
}

/** Without members when there are no edits. */
export type EditsAnswer = Partial<EditsSummary> & {
  /** When they came from the developer, in milliseconds since the epoch. */
  readonly at?: number;
};

export interface BuiltAnswer {
  /** What the image of that build was made from; absent when nobody knows. */
  readonly entries?: Manifest["entries"];
}

export interface FoundEdits extends EditsSummary {
  readonly at: number;
}

export function parseEditsAnswer(head: unknown): FoundEdits | undefined {
  const summary = parseSummary(head);
  return summary === undefined ? undefined : { ...summary, at: asNumber(member(head, "at")) ?? 0 };
}

/** @throws AzdsError PROTOCOL */
export function parseBuiltAnswer(head: unknown): Manifest | undefined {
  const entries = member(head, "entries");
  return entries === undefined ? undefined : parseManifest(asArray(entries).map(parseEntry));
}

export interface BuilderStatus {
  readonly node: string;
  readonly version: string;
  /** Whether buildkitd answers. */
  readonly buildkit: boolean;
  /** Of the node's disk with the sources; 0 where it cannot be seen. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Otherwise images are in the nodes' own stores. */
export function isInRegistry(prefix: string): boolean {
  return prefix !== IMAGE_PREFIX;
}

/** What the names of built images begin with. */
export interface ImageHome {
  readonly prefix: string;
  readonly namespace: string;
}

/**
 * `<prefix>/<namespace>/<repository>:<tag>`, the built image of what a chart calls `<repository>:<tag>`.
 * A path component of an image reference takes only lower-case letters, digits and `.`, `_`, `-` (OCI distribution
 * specification, "Pulling manifests"), so the port of a registry follows a `-` there. Idempotent over its own rule.
 *
 * @param home.prefix IMAGE_PREFIX, or that of the registry
 */
export function builtImage({ prefix, namespace }: ImageHome, image: string): string {
  return `${prefix}/${namespace}/${image.toLowerCase().replace(/:(?=[0-9]+\/)/, "-")}`;
}
