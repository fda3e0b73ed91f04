/** `__builder`: the part of a node's builder that takes requests; it has no privilege and drives `buildkitd` beside it. */
import { isInRegistry } from "../core/builder-protocol.ts";
import { stringEnvironment } from "../core/build-config.ts";
import { ENV, IMAGE_PREFIX, PROGRAM, RULES_SOCKET, SERVER_PORT, VERSION } from "../core/contract.ts";
import { systemClock } from "../core/host/clock.ts";
import { jsonLog, type Log } from "../core/host/log.ts";
import { runProcess } from "../core/host/run-process.ts";
import { BUILDER_FULL_IDLE_MS_MAX } from "../core/limits.ts";
import { createKubeClient } from "../core/kube/client.ts";
import { inClusterConnection } from "../core/kube/in-cluster.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { rulesAt } from "./ask-rules.ts";
import { BUILDCTL, BUILDKIT_SOCKET } from "./buildctl.ts";
import { runBuilder } from "./builder.ts";
import { cleanNamespaces } from "./cleanup.ts";
import type { ServeStream } from "./connection.ts";
import { dockerImagesAt } from "./docker-images.ts";
import { DOCKER_IMAGES_SOCKET } from "./docker/sockets.ts";
import { fetchFromPeers } from "./fetch.ts";
import { BUILDER_ROOT } from "./folders.ts";
import { followProgram } from "./follow.ts";
import { createImageStore } from "./images.ts";
import { clusterPeers } from "./peers.ts";
import { pullFromRegistry } from "./pull.ts";
import { followPods } from "./pods.ts";
import { roomMaker } from "./make-room.ts";
import { createRestorer } from "./restore.ts";
import { forgetSecrets, REGISTRY_CREDENTIALS, SECRETS_ROOT } from "./secrets.ts";
import { sourceReceiver } from "./sources.ts";
import { streamServer } from "./streams.ts";

/** What BuildKit takes from its client's environment decides nothing but where its files are. */
const BUILDCTL_ENVIRONMENT = {
  HOME: BUILDER_ROOT,
  DOCKER_CONFIG: REGISTRY_CREDENTIALS,
};

interface ServerOptions {
  readonly kube: KubeClient;
  readonly log: Log;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Streams at work by namespace. */
  readonly busy: ReadonlyMap<string, number>;
}

function serverOf({ kube, log, env, signal, busy }: ServerOptions): ServeStream {
  const node = env[ENV.nodeName] ?? "";
  const prefix = env[ENV.registry] ?? IMAGE_PREFIX;
  const ports = {
    prefix,
    follow: followProgram,
    run: runProcess,
    clock: systemClock,
    images: createImageStore(),
    buildctl: { file: BUILDCTL, socket: BUILDKIT_SOCKET },
    env: BUILDCTL_ENVIRONMENT,
    log,
    root: BUILDER_ROOT,
    secretsRoot: SECRETS_ROOT,
    docker: env[ENV.store] === "docker" ? dockerImagesAt(DOCKER_IMAGES_SOCKET) : undefined,
  };
  const peers = clusterPeers(kube, env[ENV.podIps]?.split(",")[0] ?? "");
  const fetch = isInRegistry(prefix) ? pullFromRegistry(ports) : fetchFromPeers({ ...ports, peers });
  const restorer = createRestorer({ ...ports, fetch });
  const pods = followPods({ ...ports, kube, node, restorer, signal });
  const cleaning = { ...ports, isBusy: (namespace: string) => busy.has(namespace) };
  const makeRoom = roomMaker({
    ...ports,
    cleanSources: async () => cleanNamespaces(cleaning, BUILDER_FULL_IDLE_MS_MAX),
  });
  const sync = sourceReceiver(makeRoom);
  return streamServer({ ...ports, peers, restorer, onNews: pods.tell, sync, makeRoom, node, version: VERSION });
}

/** Runs until SIGTERM or SIGINT. Returns the exit code: 0 when it was asked to stop, 1 when it cannot go on. */
export async function main(_argv: readonly string[]): Promise<number> {
  const log = jsonLog((line) => process.stderr.write(line), PROGRAM.builder);
  const env = stringEnvironment(process.env);
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
  try {
    const kube = createKubeClient(await inClusterConnection(env));
    await forgetSecrets(SECRETS_ROOT);
    const busy = new Map<string, number>();
    const serve = serverOf({ kube, log, env, signal: stop.signal, busy });
    await runBuilder(
      {
        kube,
        clock: systemClock,
        log,
        port: SERVER_PORT.builder,
        healthPort: SERVER_PORT.health,
        root: BUILDER_ROOT,
        serve,
        rules: rulesAt(RULES_SOCKET),
        busy,
        onListening: (port) => log("info", "The builder listens", { port, version: VERSION }),
      },
      stop.signal,
    );
    return 0;
  } catch (error) {
    log("error", "The builder stopped", { error: String(error) });
    return 1;
  }
}
