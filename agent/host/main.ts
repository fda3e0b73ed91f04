/** `__agent`: the first process of a session's container, in the developer's image, in place of the command it runs. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type ImageConfigs, parseImageConfigs, stringEnvironment } from "../../core/build-config.ts";
import { EDITS_FOLDER, IMAGE_CONFIG_FILE, PORT, SYNC_JOURNAL_FOLDER, VERSION } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { systemClock } from "../../core/host/clock.ts";
import { applicationEnvironment } from "./environment.ts";
import { type Invocation, commandOf, parseInvocation } from "./invocation.ts";
import { Journal } from "./journal.ts";
import { LiveTree } from "./live-tree.ts";
import { recordEdits } from "./edits.ts";
import { createOutput } from "./output.ts";
import { type ChildOptions, Children } from "./process.ts";
import { EXIT_NOT_FOUND } from "./program-file.ts";
import { startReaper } from "./reaper.ts";
import { type AgentServer, type AgentServerOptions, serveAgent } from "./server.ts";
import { forwardSignals } from "./signals.ts";
import { StateFeed } from "./state-feed.ts";
import { agentStreams } from "./streams.ts";
import { Supervisor } from "./supervisor.ts";
import { openTarget } from "./target.ts";
import { UpdateQueue } from "./update-queue.ts";

/** For tests; what is absent is as in a pod. */
export interface AgentOptions {
  /** Default PORT.agent. */
  readonly port?: number;
  /** Default IMAGE_CONFIG_FILE. */
  readonly imageConfigFile?: string;
  /** Default SYNC_JOURNAL_FOLDER. */
  readonly journalFolder?: string;
  /** Default EDITS_FOLDER. */
  readonly editsFolder?: string;
  /** Default AGENT_HOLD_GRACE_MS. */
  readonly graceMs?: number;
  /** Default AGENT_STOP_MS_MAX. */
  readonly stopMs?: number;
  /** Told the port that was taken. */
  readonly onListening?: (port: number) => void;
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
  let invocation: Invocation;
  let command: readonly string[];
  try {
    invocation = parseInvocation(argv);
    command = commandOf(invocation, await readImageConfigs(options.imageConfigFile ?? IMAGE_CONFIG_FILE));
  } catch (error) {
    if (!(error instanceof AzdsError)) throw error;
    await say(error.message);
    return EXIT_NOT_FOUND;
  }
  const { folder, refusal } = openTarget(invocation.syncTarget ?? process.cwd());
  const journal = join(options.journalFolder ?? SYNC_JOURNAL_FOLDER, journalName(argv));
  const tree = new LiveTree({
    target: folder,
    refusal: refusal?.why,
    openJournal: (replay) => Journal.open(journal, replay),
    ...(invocation.edited
      ? { firstRecord: (kept) => recordEdits(kept, options.editsFolder ?? EDITS_FOLDER, folder) }
      : {}),
    say,
    onChange: () => states.changed(),
  });
  const children = new Children();
  const { graceMs, stopMs } = options;
  const onOutput: ChildOptions["onOutput"] = async (stream, bytes) => {
    output.push(stream, bytes);
    await streams[stream](bytes);
  };
  const env = applicationEnvironment(stringEnvironment(process.env));
  const processes = { env, clock: systemClock, children, onOutput, stopMs };
  const supervisor = new Supervisor({
    ...processes,
    // `hold`, `attended`, `awaitExec`.
    ...invocation,
    command,
    graceMs,
    say,
    onState: () => states.changed(),
  });
  const states = new StateFeed(() => ({
    version: VERSION,
    target: folder,
    ...(refusal === undefined ? {} : { refusal: refusal.why, volumeHelps: refusal.volumeHelps }),
    revision: tree.revision,
    behind: supervisor.isBehind,
    rebuilt: updates.rebuilt,
    process: supervisor.state,
  }));
  const updates = new UpdateQueue({ ...processes, supervisor, say });
  forwardSignals(supervisor.signal);
  // Only the first process of a PID namespace inherits orphans.
  if (process.pid === 1) startReaper((pid) => children.has(pid));
  await tree.restore();
  const handlers = agentStreams({ output, states, tree, supervisor, updates, startedAt: systemClock.now() });
  const server = startServer({ port: options.port ?? PORT.agent, handlers }, say);
  void server.then((listening) => listening === undefined || options.onListening?.(listening.port));
  await updates.start(tree.isEdited ? invocation.buildCommands : []);
  const code = await supervisor.finished;
  states.close();
  output.close();
  await (await server)?.close();
  return code;
}

/** Containers of one pod share the volume; what they run tells them apart, and stays the same when they restart. */
function journalName(argv: readonly string[]): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(argv)).digest("hex");
}

/** A pod's second agent finds the port taken: the application runs all the same. */
async function startServer(
  options: AgentServerOptions,
  say: (sentence: string) => Promise<void>,
): Promise<AgentServer | undefined> {
  try {
    return await serveAgent(options);
  } catch (error) {
    await say(`cannot listen on port ${options.port}, so output is in the container's log only: ${String(error)}`);
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
