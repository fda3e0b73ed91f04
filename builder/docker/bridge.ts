/** A socket like buildkitd's: each connection goes to the BuildKit inside Docker (Docker Engine API, `POST /grpc`). */
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Log } from "../../core/host/log.ts";
import { DOCKER_UPGRADE_MS_MAX, SHORT_ANSWER_BYTES_MAX } from "../../core/limits.ts";

export interface BridgeOptions {
  /** Path of the socket to make. */
  readonly listen: string;
  /** Path of Docker's. */
  readonly docker: string;
  readonly log: Log;
  /** Nobody listens on Docker's socket. */
  readonly onLost: (error: Error) => void;
}

const UPGRADE = "POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
const HEAD_END = "\r\n\r\n";
const SWITCHED = /^HTTP\/1\.1 101 /;

/** Resolves when it listens. */
export async function bridgeBuildkit(options: BridgeOptions): Promise<Server> {
  const listening = Promise.withResolvers<Server>();
  const server = createServer((client) => bridge(client, options));
  server.once("error", listening.reject);
  server.listen(options.listen, () => listening.resolve(server));
  return listening.promise;
}

function bridge(client: Socket, { docker: path, log, onLost }: BridgeOptions): void {
  const docker = connect(path);
  const end = (why: string): void => {
    if (!client.destroyed) log("warn", "A connection to Docker's BuildKit ended", { why });
    client.destroy();
    docker.destroy();
  };
  docker.once("error", (error) => {
    if (isAbsent(error)) onLost(error);
    end(String(error));
  });
  client.once("error", (error) => end(String(error)));
  client.once("close", () => docker.destroy());
  docker.once("close", () => client.destroy());
  docker.setTimeout(DOCKER_UPGRADE_MS_MAX, () => end("Docker did not answer"));
  docker.write(UPGRADE);
  readHead(docker, (head, rest) => {
    if (!SWITCHED.test(head)) return end(`Docker gave no BuildKit: ${head.split("\r\n")[0] ?? ""}`);
    docker.setTimeout(0);
    client.write(rest);
    docker.pipe(client);
    client.pipe(docker);
  });
}

function isAbsent(error: Error): boolean {
  return "code" in error && (error.code === "ECONNREFUSED" || error.code === "ENOENT");
}

/** Hands over the answer's head, or the beginning of what is none, and what came behind it. */
function readHead(socket: Socket, onHead: (head: string, rest: Uint8Array) => void): void {
  let bytes = Buffer.alloc(0);
  const onData = (more: Buffer): void => {
    bytes = Buffer.concat([bytes, more]);
    const end = bytes.indexOf(HEAD_END);
    if (end < 0 && bytes.length < SHORT_ANSWER_BYTES_MAX) return;
    socket.off("data", onData);
    onHead(bytes.toString("latin1", 0, Math.max(end, 0)), bytes.subarray(end + HEAD_END.length));
  };
  socket.on("data", onData);
}
