/** `__agent`: the first process of a session's container, in the developer's image, in place of the command it runs. */
import { readFile } from "node:fs/promises";
import { type ImageConfigs, parseImageConfigs, stringEnvironment } from "../../core/build-config.ts";
import { IMAGE_CONFIG_FILE, PORT } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { systemClock } from "../../core/host/clock.ts";
import { applicationEnvironment } from "./environment.ts";
import { commandOf, parseInvocation } from "./invocation.ts";
import { createOutput, type Output } from "./output.ts";
import { startReaper } from "./reaper.ts";
import { EXIT_NOT_FOUND } from "./program-file.ts";
import { type AgentServer, outputHandlers, serveAgent } from "./server.ts";
import { forwardSignals } from "./signals.ts";
import { supervise } from "./supervisor.ts";

export interface AgentOptions {
  /** Default PORT.agent. */
  readonly port?: number;
  /** Default IMAGE_CONFIG_FILE. */
  readonly imageConfigFile?: string;
}

/** Resolves with the exit code of the container. */
export async function main(argv: readonly string[], options: AgentOptions = {}): Promise<number> {
  const output = createOutput(systemClock.now);
  const streams = { stdout: createSink(Bun.stdout.writer()), stderr: createSink(Bun.stderr.writer()) };
  const say = async (sentence: string): Promise<void> => {
    const bytes = new TextEncoder().encode(`azds: ${sentence}\n`);
    output.push("agent", bytes);
    await streams.stderr(bytes);
  };
  let command: readonly string[];
  try {
    const invocation = parseInvocation(argv);
    command = commandOf(invocation, await readImageConfigs(options.imageConfigFile ?? IMAGE_CONFIG_FILE));
  } catch (error) {
    if (!(error instanceof AzdsError)) throw error;
    await say(error.message);
    return EXIT_NOT_FOUND;
  }
  const server = startServer(options.port ?? PORT.agent, output, say);
  const code = await supervise({
    command,
    env: applicationEnvironment(stringEnvironment(process.env)),
    clock: systemClock,
    onOutput: async (stream, bytes) => {
      output.push(stream, bytes);
      await streams[stream](bytes);
    },
    onStart: (child) => {
      forwardSignals(child.signal);
      // Only the first process of a PID namespace inherits orphans.
      if (process.pid === 1) startReaper((pid) => pid === child.pid);
    },
    say,
  });
  output.close();
  await (await server)?.close();
  return code;
}

/** A pod's second agent finds the port taken: the application runs all the same. */
async function startServer(
  port: number,
  output: Output,
  say: (sentence: string) => Promise<void>,
): Promise<AgentServer | undefined> {
  try {
    return await serveAgent({ port, handlers: outputHandlers(output) });
  } catch (error) {
    await say(`cannot listen on port ${port}, so output is in the container's log only: ${String(error)}`);
    return undefined;
  }
}

/** Empty when there is no such file: the pod's own command needs none. */
async function readImageConfigs(file: string): Promise<ImageConfigs> {
  try {
    return parseImageConfigs(await readFile(file, "utf8"));
  } catch (error) {
    if (error instanceof AzdsError) throw error;
    return {};
  }
}

/** Writes to one of our own outputs; once that is broken, bytes are dropped and the application runs on. */
function createSink(writer: Bun.FileSink): (bytes: Uint8Array) => Promise<void> {
  let broken = false;
  return async (bytes) => {
    if (broken) return;
    try {
      await Promise.all([writer.write(bytes), writer.flush()]);
    } catch {
      broken = true;
    }
  };
}
