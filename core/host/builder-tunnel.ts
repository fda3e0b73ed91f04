/**
 * From a pod of a session to the builder of its node: TLS and the hello, then bytes.
 * The tunnel does both for whoever connects on loopback, so that the token stays in the pod.
 */
import { readFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { finished } from "node:stream/promises";
import type { BuilderHello } from "../builder-protocol.ts";
import { AzdsError } from "../errors.ts";
import { BUILDER_WELCOME_BYTES_MAX, TLS_HANDSHAKE_MS_MAX } from "../limits.ts";
import { asString, at, parseJson } from "../parse.ts";
import type { ServerAddress } from "../sidecar-config.ts";
import type { Log } from "./log.ts";

export interface OpenBuilderOptions {
  readonly builder: ServerAddress;
  /** PEM of the authority that signed the builder's certificate. */
  readonly ca: string;
  readonly token: string;
}

/**
 * The connection after the builder's welcome; what it sent behind the welcome is still to be read.
 * @throws AzdsError BUILDER_UNAVAILABLE when it cannot be reached or does not welcome us
 */
export async function openBuilder(options: OpenBuilderOptions): Promise<TLSSocket> {
  const { builder, ca } = options;
  const socket = connectTls({ host: builder.address, port: builder.port, ca, servername: builder.serverName });
  socket.setTimeout(TLS_HANDSHAKE_MS_MAX, () => socket.destroy(new Error("The builder did not answer in time")));
  try {
    const hello: BuilderHello = { protocol: "azds-builder/1", token: options.token };
    socket.write(`${JSON.stringify(hello)}\n`);
    checkWelcome(await readLine(socket));
    socket.setTimeout(0);
    return socket;
  } catch (error) {
    socket.destroy();
    if (error instanceof AzdsError) throw error;
    throw new AzdsError("BUILDER_UNAVAILABLE", `The builder cannot be reached: ${String(error)}`, { cause: error });
  }
}

/** The bytes before the first line feed; those behind it go back into the stream. */
async function readLine(socket: TLSSocket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let line = Buffer.alloc(0);
  const onReadable = (): void => {
    const chunk = readBytes(socket);
    if (chunk === undefined) return;
    line = Buffer.concat([line, chunk]);
    const end = line.indexOf(10);
    if (end >= 0) {
      // What goes back makes the stream readable again: nobody may listen then.
      socket.off("readable", onReadable);
      if (end + 1 < line.length) socket.unshift(line.subarray(end + 1));
      resolve(line.toString("utf8", 0, end));
    } else if (line.length > BUILDER_WELCOME_BYTES_MAX)
      reject(new AzdsError("PROTOCOL", "The builder's welcome is too long"));
  };
  const onEnd = (): void => reject(new Error("It closed the connection"));
  socket.on("readable", onReadable).once("end", onEnd).once("close", onEnd).once("error", reject);
  try {
    return await promise;
  } finally {
    socket.off("readable", onReadable).off("end", onEnd).off("close", onEnd).off("error", reject);
  }
}

/** Everything at hand. */
function readBytes(socket: TLSSocket): Buffer | undefined {
  const chunk: unknown = socket.read();
  return Buffer.isBuffer(chunk) ? chunk : undefined;
}

function checkWelcome(line: string): void {
  const welcome = parseJson(line, { code: "PROTOCOL", path: "welcome of the builder" });
  if (at(welcome, "ok") === true) return;
  throw new AzdsError(
    "BUILDER_UNAVAILABLE",
    `The builder refused the connection: ${asString(at(welcome, "message")) ?? "it gave no reason"}`,
  );
}

export interface BuilderTunnelOptions {
  /** On 127.0.0.1; 0 takes any free port. */
  readonly port: number;
  readonly builder: ServerAddress;
  readonly ca: string;
  /** Read for each connection: projected tokens rotate. */
  readonly tokenFile: string;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Called for each client. */
  readonly onClient?: () => void;
}

/**
 * Listens until the signal; resolves to the port once it does. A connection that the builder does not welcome is
 * closed without a byte.
 */
export async function serveBuilderTunnel(options: BuilderTunnelOptions): Promise<number> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => void tunnel(options, client));
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once("error", reject);
  server.listen(options.port, "127.0.0.1", () => {
    const address = server.address();
    resolve(typeof address === "object" && address !== null ? address.port : options.port);
  });
  options.signal.addEventListener("abort", () => server.close(), { once: true });
  return promise;
}

async function tunnel(options: BuilderTunnelOptions, client: Socket): Promise<void> {
  options.onClient?.();
  client.on("error", () => client.destroy());
  try {
    const token = (await readFile(options.tokenFile, "utf8")).trim();
    const builder = await openBuilder({ builder: options.builder, ca: options.ca, token });
    builder.on("error", () => builder.destroy());
    client.pipe(builder);
    builder.pipe(client);
    await Promise.allSettled([finished(client), finished(builder)]);
    client.destroy();
    builder.destroy();
  } catch (error) {
    options.log("warn", "The build tunnel could not reach the builder", {
      error: error instanceof Error ? error.message : String(error),
    });
    client.destroy();
  }
}
