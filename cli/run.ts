/** One command line from words to exit code: parse, choose how to speak, run the action, say how it ended. */
import { KubeError } from "../core/kube/types.ts";
import { kubeFailure } from "./cluster/errors.ts";
import { parseLine, type ParsedLine } from "./commands/tree.ts";
import { writeCrashLog } from "./crash-log.ts";
import type { Emit } from "./engine/events.ts";
import type { Host } from "./host.ts";
import { chooseRenderer } from "./render/choose.ts";
import { failureOf } from "./render/error.ts";
import { jsonRenderer } from "./render/json.ts";
import { plainRenderer } from "./render/plain.ts";
import type { Renderer } from "./render/renderer.ts";

type CommandLine = Extract<ParsedLine, { readonly kind: "command" }>;

/** Exit codes: 0 done, 1 the user can act, 2 wrong command line, 70 a bug in azds, 130 interrupted. */
export async function main(argv: readonly string[], host: Host): Promise<number> {
  let line: ParsedLine;
  try {
    line = await parseLine(argv, host.stdout.columns);
  } catch (error) {
    const renderer = plain(host, { verbose: argv.includes("-v"), yes: false });
    return reportFailure(error, { host, argv, emit: renderer.emit, isStopped: false });
  }
  if (line.kind === "command") return runCommand(line, host, argv);
  host.stdout.write(line.text);
  return 0;
}

async function runCommand(line: CommandLine, host: Host, argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const signal = AbortSignal.any([host.signal, stop.signal]);
  const renderer = await openRenderer(line, host, () => stop.abort(new DOMException("Interrupted", "AbortError")));
  try {
    const { run } = await line.command.action();
    return await run(line.args, { host, globals: line.globals, emit: renderer.emit, ask: renderer.ask, signal });
  } catch (error) {
    return await reportFailure(error, { host, argv, emit: renderer.emit, isStopped: signal.aborted });
  } finally {
    await renderer.close();
  }
}

/** @param stop what Ctrl+C means where the renderer reads the keys itself */
async function openRenderer({ command, args, globals }: CommandLine, host: Host, stop: () => void): Promise<Renderer> {
  const live = command.live === true && args["detach"] !== true && args["noTui"] !== true;
  const name = chooseRenderer({
    output: globals.output,
    verbose: globals.verbose,
    stdoutIsTty: host.stdout.isTty,
    stdinIsTty: host.stdinIsTty,
    env: host.env,
    live,
  });
  switch (name) {
    case "json":
      return jsonRenderer({ write: host.stdout.write, verbose: globals.verbose, yes: globals.yes });
    case "plain":
      return plain(host, globals);
    case "live": {
      const { liveRenderer } = await import("./render/tui/mount.tsx");
      const { clock, env, stdout, stderr } = host;
      return liveRenderer({ clock, env, stdout, stderr, yes: globals.yes, stop });
    }
  }
}

function plain(host: Host, { verbose, yes }: { readonly verbose: boolean; readonly yes: boolean }): Renderer {
  const { stdout, stderr, env, signal } = host;
  const readLine = host.stdinIsTty ? () => host.readLine(signal) : undefined;
  return plainRenderer({ stdout, stderr, readLine, env, verbose, yes });
}

interface Reporting {
  readonly host: Host;
  readonly argv: readonly string[];
  readonly emit: Emit;
  readonly isStopped: boolean;
}

async function reportFailure(error: unknown, { host, argv, emit, isStopped }: Reporting): Promise<number> {
  const failure = failureOf(error instanceof KubeError ? kubeFailure(error) : error, isStopped);
  switch (failure.kind) {
    case "expected":
      emit(failure.event);
      break;
    case "interrupted":
      break;
    case "bug": {
      const path = await writeCrashLog(host, argv, failure.detail);
      emit({ type: "message", level: "verbose", text: failure.detail });
      const hint = path === undefined ? "Run again with `-v` for the details" : `The details are in \`${path}\``;
      emit({ type: "failed", code: "BUG", message: failure.message, hint: `This is a bug in azds. ${hint}` });
    }
  }
  return failure.exitCode;
}
