/**
 * What a build may see and nobody may keep: secrets, the developer's SSH agent, credentials of registries. Files of a
 * folder in memory, for buildctl to read, gone when the build has ended.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { type BuildRequest, REGISTRY_AUTH } from "../core/builder-protocol.ts";
import { AzdsError } from "../core/errors.ts";
import { BUILD_SECRET_BYTES_MAX } from "../core/limits.ts";
import { asString, at, isObject, parseJson } from "../core/parse.ts";
import type { ByteStream } from "../core/wire/byte-stream.ts";
import type { MessageReader } from "../core/wire/messages.ts";
import { pipe } from "../core/wire/pipe.ts";
import { streamOfSocket } from "../core/wire/socket-stream.ts";

/** A volume in memory, of this container alone. */
export const SECRETS_ROOT = "/run/azds-secrets";
/** A Docker configuration with the credentials for the registry that gets the images; may be empty. */
export const REGISTRY_CREDENTIALS = "/run/azds-registry";

export interface BuildSecrets {
  /** Contents by id; REGISTRY_AUTH among them. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** A connection to the developer's SSH agent. */
  readonly openAgent: () => ByteStream;
}

/** @throws AzdsError PROTOCOL when something else comes than the request announced */
export async function receiveSecrets(
  reader: MessageReader,
  { secrets = [], registryAuth = false }: BuildRequest,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>();
  for (const id of [...secrets, ...(registryAuth ? [REGISTRY_AUTH] : [])]) {
    const message = await reader.next();
    if (
      message === undefined ||
      asString(at(message.head, "secret")) !== id ||
      message.body.length > BUILD_SECRET_BYTES_MAX
    )
      throw new AzdsError("PROTOCOL", `The secret \`${id}\` of the build did not come`);
    contents.set(id, message.body);
  }
  return contents;
}

export interface Mounted extends AsyncDisposable {
  /** Options of buildctl. */
  readonly options: readonly string[];
  /** Variables for buildctl. */
  readonly env: Readonly<Record<string, string>>;
}

export interface SecretsPlace {
  /** See SECRETS_ROOT. */
  readonly root: string;
  /** Folder of the configuration with the builder's own credentials, where it has any. */
  readonly dockerConfig: string | undefined;
}

export async function mountSecrets(
  { root, dockerConfig }: SecretsPlace,
  request: BuildRequest,
  secrets: BuildSecrets,
): Promise<Mounted> {
  const folder = join(root, randomUUID());
  const options: string[] = [];
  let agent: Server | undefined;
  const dispose = async (): Promise<void> => {
    agent?.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await mkdir(join(folder, "docker"), { recursive: true, mode: 0o700 });
    for (const id of request.secrets ?? []) {
      const file = join(folder, `secret-${id}`);
      await writeFile(file, secrets.contents.get(id) ?? "", { mode: 0o600 });
      options.push("--secret", `id=${id},src=${file}`);
    }
    const auth = mergeAuth(secrets.contents.get(REGISTRY_AUTH), await ownAuth(dockerConfig));
    await writeFile(join(folder, "docker/config.json"), auth, { mode: 0o600 });
    if (request.ssh !== undefined) {
      const socket = join(folder, "agent.sock");
      agent = await serveAgent(socket, secrets.openAgent);
      options.push(...request.ssh.flatMap((id) => ["--ssh", `${id}=${socket}`]));
    }
    return { options, env: { DOCKER_CONFIG: join(folder, "docker") }, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function ownAuth(folder: string | undefined): Promise<string> {
  if (folder === undefined) return "";
  return readFile(join(folder, "config.json"), "utf8").catch(() => "");
}

/** The builder's own go before the developer's, or an image could not be pushed to a registry of both. */
function mergeAuth(developers: Uint8Array | undefined, own: string): string {
  const place = {
    code: "PROTOCOL",
    path: "credentials of registries",
  } as const;
  const auths = (text: string): object => {
    const found = text === "" ? {} : at(parseJson(text, place), "auths");
    return isObject(found) ? found : {};
  };
  return JSON.stringify({
    auths: { ...auths(new TextDecoder().decode(developers)), ...auths(own) },
  });
}

/** Removes what a builder that was killed left behind. */
export async function forgetSecrets(root: string): Promise<void> {
  const names = await readdir(root).catch(() => []);
  await Promise.all(names.map((name) => rm(join(root, name), { recursive: true, force: true })));
}

async function serveAgent(path: string, open: () => ByteStream): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    pipe(streamOfSocket(socket), open()).catch(() => socket.destroy());
  });
  const { promise, resolve, reject } = Promise.withResolvers<Server>();
  server.once("error", reject).listen(path, () => resolve(server));
  return promise;
}
