/** Where built images go, from options and an earlier run; pure. */
import { IMAGE_PREFIX } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { isObject, asString, at, parseJson } from "../../core/parse.ts";
import type { RegistrySettings } from "../../templates/control-plane/settings.ts";

/** What the command line said; undefined: nothing. */
export interface RegistryOptions {
  /** NO_REGISTRY goes back to the nodes' own stores. */
  readonly registry: string | undefined;
  readonly registrySecret: string | undefined;
  readonly registryPullSecret: string | undefined;
  readonly registryInsecure: boolean | undefined;
}

/** No registry is called so: a host has a dot or a port. */
const NO_REGISTRY = "none";

/**
 * What is not said stays as it was; another registry starts afresh, so that nobody's credentials are sent to it.
 * @param before data of the ConfigMap that an earlier run left
 * @throws AzdsError USAGE
 */
export function resolveRegistry(
  options: RegistryOptions,
  before: Readonly<Record<string, string>>,
): RegistrySettings | undefined {
  const prefix = prefixOf(options.registry ?? before["registry"] ?? "");
  if (prefix === "") {
    const more = moreSaid(options);
    if (more === undefined) return undefined;
    throw new AzdsError("USAGE", `\`${more}\` says more of a registry, which \`--registry PREFIX\` must name`);
  }
  const known = prefix === before["registry"] ? before : {};
  return {
    prefix,
    secret: options.registrySecret ?? known["registrySecret"] ?? "",
    pullSecret: options.registryPullSecret ?? known["registryPullSecret"] ?? "",
    insecure: options.registryInsecure ?? known["registryInsecure"] === "true",
  };
}

function moreSaid(options: RegistryOptions): string | undefined {
  if (options.registrySecret !== undefined) return "--registry-secret";
  if (options.registryPullSecret !== undefined) return "--registry-pull-secret";
  return options.registryInsecure === undefined ? undefined : "--registry-insecure";
}

/** `HOST[:PORT]`: a DNS name or an address; IPv6 in brackets. */
const HOST =
  /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::[0-9]{1,5})?$/;
/** Components of a repository's name (OCI distribution specification, "Pulling manifests"). */
const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
/** Leaves room for namespace, repository and tag in the 255 characters that clients take. */
const PREFIX_CHARS_MAX = 120;
/** All names of Docker Hub, whose repositories have an owner and a name and nothing between. */
const DOCKER_HUB: ReadonlySet<string> = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

function prefixOf(text: string): string {
  if (text === "" || text === NO_REGISTRY) return "";
  const prefix = text.replace(/\/$/, "");
  const why = whyUnusable(prefix);
  if (why === undefined) return prefix;
  throw new AzdsError(
    "USAGE",
    `\`--registry ${text}\` cannot be used: ${why}, for example \`registry.example.com/dev\``,
  );
}

function whyUnusable(prefix: string): string | undefined {
  const [host = "", ...path] = prefix.split("/");
  if (prefix.includes("://")) return "it is a host with a path, without a scheme";
  if (prefix !== prefix.toLowerCase()) return "names of images have no upper-case letters";
  // Without a dot or a port it would be taken for a user of Docker Hub.
  if (!HOST.test(host) || !(/[.:]/.test(host) || host === "localhost")) return "it must begin with a registry's host";
  if (host === IMAGE_PREFIX) return `\`${IMAGE_PREFIX}\` is no registry`;
  if (DOCKER_HUB.has(host)) return "Docker Hub takes no names as deep as `<prefix>/<namespace>/<repository>`";
  if (!path.every((component) => PATH.test(component))) return "its path is none of a repository, without a tag";
  if (prefix.length > PREFIX_CHARS_MAX) return `it is longer than ${PREFIX_CHARS_MAX} characters`;
  return undefined;
}

export function registryHost({ prefix }: Pick<RegistrySettings, "prefix">): string {
  return prefix.split("/")[0] ?? "";
}

const TYPE = "kubernetes.io/dockerconfigjson";
const CONFIG = { code: "REGISTRY_SECRET_INVALID", path: ".dockerconfigjson" } as const;

/** Why builders or pods could not reach `host` with a Secret; `undefined` when they can try. */
export function whySecretIsNone(secret: unknown, host: string): string | undefined {
  if (secret === undefined) return "does not exist";
  const type = asString(at(secret, "type")) ?? "";
  if (type !== TYPE) return `is of type \`${type}\`, not \`${TYPE}\``;
  const auths = authsOf(secret);
  if (auths === undefined) return "holds no Docker configuration with `auths`";
  const hosts = auths.map((key) => key.replace(/^https?:\/\//, "").split("/")[0] ?? "");
  // The kubelet takes patterns too.
  if (hosts.some((known) => known === host || known.includes("*"))) return undefined;
  return `has no credentials for \`${host}\`${hosts.length === 0 ? "" : `, only for ${hosts.map((known) => `\`${known}\``).join(", ")}`}`;
}

function authsOf(secret: unknown): readonly string[] | undefined {
  const text = Buffer.from(asString(at(secret, "data", ".dockerconfigjson")) ?? "", "base64").toString();
  try {
    const auths = at(parseJson(text, CONFIG), "auths");
    return isObject(auths) ? Object.keys(auths) : undefined;
  } catch {
    return undefined;
  }
}
