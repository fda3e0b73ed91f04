/**
 * Credentials for the base images of one Dockerfile, and for no other registry: of the pull secrets that the chart gives
 * the pod, else of the developer's own Docker configuration.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Run } from "../../../core/host/run.ts";
import { objectPath, podPath } from "../../../core/kube/paths.ts";
import { type KubeClient, KubeError } from "../../../core/kube/types.ts";
import { CREDENTIAL_HELPER_MS_MAX } from "../../../core/limits.ts";
import { asArray, asString, at, isObject, type JsonObject, member } from "../../../core/parse.ts";
import { imageRegistries } from "../../project/dockerfile.ts";

export interface AuthSources {
  readonly kube: KubeClient;
  readonly pod: { readonly namespace: string; readonly name: string };
  /** `install.set` of azds.yaml: what it names is there before the pod that this build is for. */
  readonly set: JsonObject;
  readonly dockerfile: string;
  readonly args: Readonly<Record<string, string>>;
  /** The developer's environment. */
  readonly variables: Readonly<Record<string, string>>;
  readonly run: Run;
  readonly signal: AbortSignal;
}

/** As a Docker configuration has it under a registry's name. */
type Auth = JsonObject;

/** A Docker configuration file with what the Dockerfile needs; `undefined` when nothing is known of its registries. */
export async function registryAuth(sources: AuthSources): Promise<Uint8Array | undefined> {
  const registries = imageRegistries(sources.dockerfile, sources.args);
  if (registries.length === 0) return undefined;
  const pull = await pullSecrets(sources);
  const own = await dockerConfig(sources.variables);
  const auths: Record<string, Auth> = {};
  for (const registry of registries) {
    const auth = authOf(pull, registry) ?? (await helperAuth(own, registry, sources)) ?? authOf([own], registry);
    if (auth !== undefined) auths[registry === DOCKER_HUB ? DOCKER_HUB_KEY : registry] = auth;
  }
  return Object.keys(auths).length === 0 ? undefined : new TextEncoder().encode(JSON.stringify({ auths }));
}

const SECRET = { apiVersion: "v1", kind: "Secret" };
const DOCKER_HUB = "docker.io";
/** Under this name Docker, its helpers and BuildKit keep the credentials of Docker Hub. */
const DOCKER_HUB_KEY = "https://index.docker.io/v1/";

/** Host of a key, which may be a URL. */
function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return host === "index.docker.io" || host === "registry-1.docker.io" ? DOCKER_HUB : host;
}

/** The first that has any. */
function authOf(configs: readonly unknown[], registry: string): Auth | undefined {
  for (const config of configs) {
    const auths = member(config, "auths");
    for (const [key, auth] of Object.entries(isObject(auths) ? auths : {}))
      if (hostOf(key) === registry && isObject(auth) && Object.keys(auth).length > 0) return auth;
  }
  return undefined;
}

/** Configurations in the pull secrets of the pod; empty where the developer may not read them. */
async function pullSecrets({ kube, pod, set, signal }: AuthSources): Promise<readonly unknown[]> {
  try {
    const found = await kube.find(podPath(pod.namespace, pod.name), signal);
    const entries = [...asArray(set["imagePullSecrets"]), ...asArray(at(found, "spec", "imagePullSecrets"))];
    const names = new Set(entries.flatMap((entry) => asString(at(entry, "name")) ?? []));
    const secrets = await Promise.all(
      [...names].map((name) => kube.find(objectPath(SECRET, pod.namespace, name), signal)),
    );
    return secrets.map((secret) => parsed(decoded(at(secret, "data", ".dockerconfigjson"))));
  } catch (error) {
    if (error instanceof KubeError) return [];
    throw error;
  }
}

function decoded(value: unknown): string {
  return Buffer.from(asString(value) ?? "", "base64").toString("utf8");
}

async function dockerConfig(variables: AuthSources["variables"]): Promise<unknown> {
  const home = variables["HOME"] ?? variables["USERPROFILE"] ?? "";
  const file = join(variables["DOCKER_CONFIG"] ?? join(home, ".docker"), "config.json");
  return parsed(await readFile(file, "utf8").catch(() => ""));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Asks the program `docker-credential-<name>`, as Docker does (docker-credential-helpers, "Development"). */
async function helperAuth(config: unknown, registry: string, sources: AuthSources): Promise<Auth | undefined> {
  const key = registry === DOCKER_HUB ? DOCKER_HUB_KEY : registry;
  const helper = asString(at(config, "credHelpers", key)) ?? asString(member(config, "credsStore"));
  if (helper === undefined || !/^[\w.-]+$/.test(helper)) return undefined;
  try {
    const signal = AbortSignal.any([sources.signal, AbortSignal.timeout(CREDENTIAL_HELPER_MS_MAX)]);
    const program = [`docker-credential-${helper}`, "get"];
    const { code, stdout } = await sources.run(program, { env: sources.variables, input: `${key}\n`, signal });
    const answer = code === 0 ? parsed(stdout) : undefined;
    const [user, secret] = [asString(member(answer, "Username")), asString(member(answer, "Secret"))];
    if (user === undefined || secret === undefined) return undefined;
    return user === "<token>"
      ? { identitytoken: secret }
      : { auth: Buffer.from(`${user}:${secret}`).toString("base64") };
  } catch {
    // Not installed, or it hangs: the build says itself which image it may not read.
    sources.signal.throwIfAborted();
    return undefined;
  }
}
