/** `__build`: init container of a session's pod. Holds the pod until its images are on the node, and prepares the agent. */
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseBuildConfig } from "../../core/build-config.ts";
import {
  AGENT_FOLDER,
  BUILD_VOLUME_MOUNT,
  EDITS_FOLDER,
  ENV,
  PORT,
  PROGRAM,
  TERMINATION_LOG,
  TOKEN_FILE,
} from "../../core/contract.ts";
import { openBuilder, serveBuilderTunnel } from "../../core/host/builder-tunnel.ts";
import { type Clock, systemClock } from "../../core/host/clock.ts";
import { jsonLog, type Log } from "../../core/host/log.ts";
import { BUILD_LEAVE_MS } from "../../core/limits.ts";
import { streamOfSocket } from "../../core/wire/socket-stream.ts";
import { takeEdits } from "./edits.ts";
import { copyAgent, writeImageConfigs } from "./volume.ts";
import { waitForImages } from "./wait.ts";

/** 128 + SIGTERM, as shells report it. */
const EXIT_TERMINATED = 143;

export interface PrepareOptions {
  /** `BuildConfig` as text. */
  readonly config: string;
  readonly agentFolder: string;
  readonly volume: string;
  readonly tokenFile: string;
  /** Gets what the pod's status shall tell. */
  readonly terminationLog: string;
  /** Of the build tunnel; 0 takes any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Called once the tunnel listens. */
  readonly onListening?: (port: number) => void;
}

/** Resolves with the exit code: 0 when the pod can start, 143 after SIGTERM. */
export async function main(_argv: readonly string[]): Promise<number> {
  const log = jsonLog((line) => process.stderr.write(line), PROGRAM.build);
  const stop = new AbortController();
  const terminated = new Promise<number>((resolve) => {
    process.once("SIGTERM", () => {
      stop.abort();
      resolve(EXIT_TERMINATED);
    });
  });
  const prepared = preparePod({
    config: process.env[ENV.build] ?? "",
    agentFolder: AGENT_FOLDER,
    volume: BUILD_VOLUME_MOUNT,
    tokenFile: TOKEN_FILE,
    terminationLog: TERMINATION_LOG,
    port: PORT.build,
    clock: systemClock,
    log,
    signal: stop.signal,
  });
  const done = prepared.then(
    () => 0,
    (error: unknown) => {
      log("error", "The pod could not be prepared", { error: String(error) });
      return 1;
    },
  );
  return Promise.race([done, terminated]);
}

/** Resolves when the volume is complete. Rejects when it cannot be written, the port cannot be had, or by the signal. */
export async function preparePod(options: PrepareOptions): Promise<void> {
  const { volume, tokenFile, clock, log, signal } = options;
  const { builder, ca, images, session, edited } = parseBuildConfig(options.config);
  let hasClients = false;
  const onClient = (): void => void (hasClients = true);
  const tunnelPort = await serveBuilderTunnel({ port: options.port, builder, ca, tokenFile, signal, log, onClient });
  options.onListening?.(tunnelPort);
  log("info", "The build tunnel listens", { session, port: tunnelPort });
  const connect = async (): Promise<ReturnType<typeof streamOfSocket>> => {
    const token = (await readFile(tokenFile, "utf8")).trim();
    return streamOfSocket(await openBuilder({ builder, ca, token }));
  };
  const [configs] = await Promise.all([
    waitForImages({ images, connect, clock, log, signal }),
    copyAgent(options.agentFolder, volume),
  ]);
  await writeImageConfigs(volume, configs);
  if (edited !== undefined) {
    const folder = join(volume, basename(EDITS_FOLDER));
    const taken = await takeEdits({ tag: { session, build: edited }, folder, connect, clock, log, signal });
    await writeFile(options.terminationLog, JSON.stringify(taken ?? {})).catch(() => undefined);
  }
  log("info", "All images are on the node", { session });
  // A client of the tunnel is just being told the same. Without one the kubelet, which looks once a second, may see the
  // end a second sooner.
  if (hasClients) await clock.sleep(BUILD_LEAVE_MS, signal);
}
