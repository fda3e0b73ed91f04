/** Runs a command in a container with this process's standard streams and terminal as its own. */
import { AzdsError } from "../../../core/errors.ts";
import { type ExecRequest, openExec, type RemoteCommand } from "../../../core/kube/exec.ts";
import { podPath } from "../../../core/kube/paths.ts";
import { KubeError, type KubeClient } from "../../../core/kube/types.ts";
import { at } from "../../../core/parse.ts";
import type { Stdio } from "../../host.ts";
import type { Emit } from "../events.ts";

export interface RemoteOptions {
  readonly kube: KubeClient;
  readonly stdio: Stdio;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * The command's own exit code. The terminal is as before when this settles.
 * @throws AzdsError PROGRAM_NOT_FOUND, PROGRAM_NOT_EXECUTABLE, CONTAINER_NOT_RUNNING, POD_GONE, CONNECTION_LOST,
 * API_FAILED, and KubeError when the API server refuses
 */
export async function runRemote(request: Omit<ExecRequest, "signal">, options: RemoteOptions): Promise<number> {
  const { kube, stdio, signal } = options;
  let command: RemoteCommand;
  try {
    command = await openExec(kube.connection, { ...request, signal });
  } catch (error) {
    // Older API servers ask the kubelet before they answer.
    if (error instanceof KubeError && error.status >= 500) throw failure(request, error);
    if (error instanceof KubeError && error.status === 404) throw gone(request, error.message);
    throw error;
  }
  const restore = request.tty ? useTerminal(request, command, stdio) : undefined;
  try {
    if (request.stdin) sendInput(command, options).catch((error: unknown) => command.abort(asError(error)));
    for (let output = await command.read(); output !== undefined; output = await command.read())
      await stdio.write(output.stream, output.bytes);
  } catch (error) {
    if (!signal.aborted && (await isGone(kube, request))) throw gone(request, "the connection ended");
    throw error;
  } finally {
    restore?.();
    command.abort();
  }
  signal.throwIfAborted();
  const outcome = command.outcome();
  if (outcome.kind === "exited") return outcome.code;
  if (outcome.kind === "failed") throw failure(request, outcome);
  if (await isGone(kube, request)) throw gone(request, "the connection ended");
  throw new AzdsError("CONNECTION_LOST", `The connection to the command in pod \`${request.pod}\` ended`);
}

/** Raw keys where they are wanted, and the size now and whenever it changes. */
function useTerminal(request: Omit<ExecRequest, "signal">, command: RemoteCommand, { terminal }: Stdio): () => void {
  if (terminal === undefined) return () => {};
  // A connection that broke is told by the next read.
  const tell = (): void => void command.resize(terminal.size()).catch(() => {});
  tell();
  const stopListening = terminal.onResize(tell);
  const restore = request.stdin ? terminal.raw() : undefined;
  return () => {
    stopListening();
    restore?.();
  };
}

async function sendInput(command: RemoteCommand, { stdio, emit }: RemoteOptions): Promise<void> {
  for await (const bytes of stdio.input()) {
    // A command that has ended, or closed its input, takes no more; how it ended is told elsewhere.
    const taken = await command.write(bytes).then(
      () => true,
      () => false,
    );
    if (!taken) return;
  }
  const told = await command.endInput().catch(() => true);
  if (told) return;
  const text =
    "This API server cannot tell the command that its input has ended (it speaks v4.channel.k8s.io only); stop it with Ctrl+C";
  emit({ type: "message", level: "warning", text });
}

/** The kubelet says in words why a program could not be started; they come from the OCI runtime. */
function failure(
  { command, container, pod }: Omit<ExecRequest, "signal">,
  { message }: { readonly message: string },
): AzdsError {
  const program = command[0] ?? "";
  // A working folder that is missing is no missing program.
  if (/executable file not found|no such file or directory/i.test(message) && !/chdir/.test(message))
    return new AzdsError("PROGRAM_NOT_FOUND", `Container \`${container}\` has no program \`${program}\``);
  if (/permission denied|exec format error|is a directory/i.test(message))
    return new AzdsError(
      "PROGRAM_NOT_EXECUTABLE",
      `Container \`${container}\` cannot run \`${program}\`: ${/permission denied|exec format error|is a directory/i.exec(message)?.[0].toLowerCase()}`,
    );
  if (/container not found|not running|not created or running|is in exited state|not in running state/i.test(message))
    return new AzdsError(
      "CONTAINER_NOT_RUNNING",
      `Container \`${container}\` of pod \`${pod}\` does not run: ${message}`,
    );
  return new AzdsError("API_FAILED", `The command could not be run in pod \`${pod}\`: ${message}`);
}

function gone({ pod }: Omit<ExecRequest, "signal">, how: string): AzdsError {
  return new AzdsError("POD_GONE", `Pod \`${pod}\` went away: ${how}`);
}

/** A deleted pod ends its connections without a word. */
async function isGone(kube: KubeClient, { namespace, pod }: Omit<ExecRequest, "signal">): Promise<boolean> {
  return kube.find(podPath(namespace, pod)).then(
    (found) => found === undefined || isDeleting(found),
    () => false,
  );
}

function isDeleting(pod: unknown): boolean {
  return at(pod, "metadata", "deletionTimestamp") !== undefined;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
