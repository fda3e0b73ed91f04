/** What clients ask of the builder, checked before any of it becomes a path, a reference or an argument. */
import type { BuildRequest, EditsQuery, ImageHome, WaitRequest } from "../core/builder-protocol.ts";
import { AzdsError } from "../core/errors.ts";
import { BUILD_SECRETS_MAX } from "../core/limits.ts";
import {
  asArray,
  asNumber,
  asString,
  asStringRecord,
  expectObject,
  expectString,
  type JsonObject,
} from "../core/parse.ts";
import { parseTag } from "../core/session.ts";

/** `<session>/<context id>`: two plain folder names. */
const TREE = /^[a-z0-9-]{1,63}\/[a-z0-9-]{1,63}$/;
/** Path components and tag of an image reference (OCI distribution specification, "Pulling manifests"). */
const IMAGE = /^[a-z0-9]+(?:(?:\.|_|__|-+|\/)[a-z0-9]+)*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const IMAGE_CHARS_MAX = 255;
/** A namespace is a DNS label (RFC 1123), so it can be a folder's name and a component of an image reference. */
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const SECRET_ID = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
const ARGUMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

const PLACE = { code: "PROTOCOL", path: "build request" } as const;

export function isTreeName(name: string): boolean {
  return TREE.test(name);
}

export function isNamespace(name: string): boolean {
  return NAMESPACE.test(name);
}

function isImage(image: string): boolean {
  return IMAGE.test(image) && image.length <= IMAGE_CHARS_MAX;
}

/**
 * Namespace of an image of ours; `undefined` for any other, and for what is no reference at all.
 *
 * @param prefix of all our images
 */
export function namespaceOfImage(prefix: string, image: string): string | undefined {
  if (!image.startsWith(`${prefix}/`)) return undefined;
  const [namespace = "", ...repository] = image.slice(prefix.length + 1).split("/");
  return isNamespace(namespace) && isImage(repository.join("/")) ? namespace : undefined;
}

export function isDigest(digest: string): boolean {
  return DIGEST.test(digest);
}

/** @throws AzdsError PROTOCOL that names the member at fault */
export function parseBuildRequest(value: unknown): BuildRequest {
  const request = expectObject(value, PLACE);
  const target = asString(request["target"]);
  const [secrets, ssh] = [idsOf(request, "secrets"), idsOf(request, "ssh")];
  return {
    session: text(request, "session"),
    image: checked(text(request, "image"), "image", isImage),
    tree: checked(text(request, "tree"), "tree", isTreeName),
    dockerfile: checked(text(request, "dockerfile"), "dockerfile", isInside),
    ...(target === undefined ? {} : { target: checked(target, "target", (stage) => stage !== "") }),
    args: argumentsOf(request["args"]),
    clean: request["clean"] === true,
    ...(secrets === undefined ? {} : { secrets }),
    ...(ssh === undefined ? {} : { ssh }),
    ...(request["registryAuth"] === true ? { registryAuth: true } : {}),
  };
}

/**
 * @param home with the namespace of the client
 * @throws AzdsError FORBIDDEN for an image of another namespace
 */
export function parseWaitRequest(value: unknown, { prefix, namespace }: ImageHome): WaitRequest {
  const request = expectObject(value, { ...PLACE, path: "wait request" });
  const images = asArray(request["images"]).flatMap((image) => asString(image) ?? []);
  const foreign = images.find((image) => namespaceOfImage(prefix, image) !== namespace);
  if (foreign !== undefined)
    throw new AzdsError("FORBIDDEN", `The image \`${foreign}\` is not one of namespace \`${namespace}\``);
  return { images, news: request["news"] === true };
}

/** @throws AzdsError PROTOCOL */
export function parseEditsQuery(value: unknown): EditsQuery {
  const request = expectObject(value, { ...PLACE, path: "edits query" });
  const tag = parseTag(`${asString(request["session"]) ?? ""}-${asNumber(request["build"]) ?? 0}`);
  if (tag === undefined) throw new AzdsError("PROTOCOL", "The query names no build of a session");
  const namespace = asString(request["namespace"]) ?? "";
  return { ...tag, peers: request["peers"] === true, ...(isNamespace(namespace) ? { namespace } : {}) };
}

function text(request: JsonObject, name: string): string {
  return expectString(request[name], { ...PLACE, path: `build request: ${name}` });
}

function checked(value: string, name: string, isValid: (value: string) => boolean): string {
  if (isValid(value)) return value;
  throw new AzdsError("PROTOCOL", `\`${value}\` cannot be the \`${name}\` of a build`);
}

function argumentsOf(value: unknown): Readonly<Record<string, string>> {
  const args = asStringRecord(value);
  for (const name of Object.keys(args)) checked(name, "args", (key) => ARGUMENT_NAME.test(key));
  return args;
}

/** They become words of buildctl's options, which are lists with commas, and names of files. */
function idsOf(request: JsonObject, name: "secrets" | "ssh"): readonly string[] | undefined {
  const ids = new Set(asArray(request[name]).flatMap((id) => asString(id) ?? []));
  if (ids.size > BUILD_SECRETS_MAX) throw new AzdsError("PROTOCOL", `A build takes ${BUILD_SECRETS_MAX} \`${name}\``);
  for (const id of ids) checked(id, name, (word) => SECRET_ID.test(word));
  return ids.size === 0 ? undefined : [...ids];
}

/** A relative path that stays below its start. */
function isInside(path: string): boolean {
  return path !== "" && !path.includes("\0") && !path.startsWith("/") && !path.split("/").includes("..");
}
