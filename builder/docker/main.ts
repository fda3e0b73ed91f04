/**
 * `__docker`, beside the builder of a node whose runtime is Docker, in the place of buildkitd: Docker has a BuildKit in
 * itself, which writes into Docker's own store. The builder gets that, and of all else that Docker's socket would give
 * only what image-requests.ts names.
 */
import { chmodSync, rmSync } from "node:fs";
import { PROGRAM } from "../../core/contract.ts";
import { jsonLog } from "../../core/host/log.ts";
import { BUILDKIT_SOCKET } from "../buildctl.ts";
import { bridgeBuildkit } from "./bridge.ts";
import { serveImages } from "./image-requests.ts";
import { DOCKER_IMAGES_SOCKET, DOCKER_SOCKET } from "./sockets.ts";

/** Runs until SIGTERM or SIGINT. 0 then; 1 when it cannot start, or Docker's socket is not there any more. */
export async function main(_argv: readonly string[]): Promise<number> {
  const log = jsonLog((line) => process.stderr.write(line), PROGRAM.docker);
  const end = Promise.withResolvers<number>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => end.resolve(0));
  // A Docker that was started anew has a new socket, which only a new container sees.
  const onLost = (error: Error): void => {
    log("error", "Docker's socket is dead", { error: String(error) });
    end.resolve(1);
  };
  try {
    // A killed one has left its sockets behind.
    for (const socket of [BUILDKIT_SOCKET, DOCKER_IMAGES_SOCKET]) rmSync(socket, { force: true });
    const images = serveImages({ listen: DOCKER_IMAGES_SOCKET, docker: DOCKER_SOCKET });
    const bridge = await bridgeBuildkit({ listen: BUILDKIT_SOCKET, docker: DOCKER_SOCKET, log, onLost });
    // The builder is another user. Nobody else has the folder.
    for (const socket of [BUILDKIT_SOCKET, DOCKER_IMAGES_SOCKET]) chmodSync(socket, 0o666);
    log("info", "Docker's BuildKit can be reached", { socket: BUILDKIT_SOCKET });
    const code = await end.promise;
    bridge.close();
    await images.stop(true);
    return code;
  } catch (error) {
    log("error", "Docker cannot be reached", { error: String(error) });
    return 1;
  }
}
