/**
 * What a build may see and nobody may keep: secrets, the developer's SSH agent, credentials of registries. Files of a
 * folder in memory, for buildctl to read, gone when the build has ended.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { type BuildRequest, REGISTRY_AUTH } from "../core/builder-protocol.ts";
import { AzdsError } from "../core/errors.ts";
import { BUILD_SECRET_BYTES_MAX } from "../core/limits.ts";
import { asString, at } from "../core/parse.ts";
import type { ByteStream } from "../core/wire/byte-stream.ts";
import type { MessageReader } from "../core/wire/messages.ts";
import { pipe } from "../core/wire/pipe.ts";
import { streamOfSocket } from "../core/wire/socket-stream.ts";

/** A volume in memory, of this container alone. */
export const SECRETS_ROOT = "/run/azds-secrets";

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

/** @param root see SECRETS_ROOT */
export async function mountSecrets(root: string, request: BuildRequest, secrets: BuildSecrets): Promise<Mounted> {
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
    const auth = secrets.contents.get(REGISTRY_AUTH);
    if (auth !== undefined) await writeFile(join(folder, "docker/config.json"), auth, { mode: 0o600 });
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
