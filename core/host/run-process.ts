import { existsSync } from "node:fs";
import { constants } from "node:os";
import { PROCESS_LINE_BYTES_MAX, PROCESS_OUTPUT_BYTES_MAX, PROCESS_STOP_MS_MAX } from "../limits.ts";
import { createLineSplitter } from "../output.ts";
import { concatenate } from "../wire/byte-reader.ts";
import type { Run, RunOptions } from "./run.ts";

/**
 * Runs a program in a process group of its own, so that an abort reaches what it started too: SIGTERM, and SIGKILL
 * after PROCESS_STOP_MS_MAX. An aborted program still resolves, with the code of its end. Of each output the last
 * PROCESS_OUTPUT_BYTES_MAX bytes are kept.
 */
export const runProcess: Run = async (argv, options) => {
  options.signal?.throwIfAborted();
  const child = spawn(argv, options);
  const stop = new Stop(child);
  const onAbort = (): void => stop.begin();
  options.signal?.addEventListener("abort", onAbort, { once: true });
  const outputs = [
    collect(child.stdout, lineSink("stdout", options)),
    collect(child.stderr, lineSink("stderr", options)),
  ];
  try {
    const exitCode = await child.exited;
    const cut = setTimeout(() => outputs.forEach((output) => output.cut()), PROCESS_STOP_MS_MAX);
    const [stdout = "", stderr = ""] = await Promise.all(outputs.map((output) => output.text));
    clearTimeout(cut);
    return { code: child.signalCode === null ? exitCode : 128 + signalNumber(child.signalCode), stdout, stderr };
  } finally {
    options.signal?.removeEventListener("abort", onAbort);
    stop.end();
    endInput(child);
  }
};

type Child = Bun.Subprocess<"ignore" | "pipe" | Uint8Array, "pipe", "pipe">;
type LineSink = ((line: string) => void) | undefined;

/**
 * The pipe at the shell's standard input ends with the process that made it, whatever ended that. At a normal end the
 * watch goes first, so that nobody signals a process id that belongs to another program by then.
 */
const BOUND = `exec 3<&0
"$@" 3<&- </dev/null & program=$!
{ read -r _ <&3; kill "$program"; } >/dev/null 2>&1 & watch=$!
wait "$program"; code=$?
kill "$watch" 2>/dev/null; exit "$code"`;
/** Named in full: the child's PATH may lead elsewhere. */
const SHELL = "/bin/sh";

function spawn(argv: readonly string[], options: RunOptions): Child {
  const bound = options.bound === true && existsSync(SHELL);
  const input = options.input === undefined ? "ignore" : new TextEncoder().encode(options.input);
  return Bun.spawn(bound ? [SHELL, "-c", BOUND, "sh", ...argv] : [...argv], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...options.env },
    stdin: bound ? "pipe" : input,
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
}

/** Kept open until here: for a bound program the end of its input means the end of this process. */
function endInput({ stdin }: Child): void {
  if (typeof stdin === "object" && "end" in stdin) void stdin.end();
}

function signalNumber(signal: NodeJS.Signals | number): number {
  return typeof signal === "number" ? signal : constants.signals[signal];
}

/** Ends a child and what it started. */
class Stop {
  readonly #child: Child;
  #timer: Timer | undefined;

  constructor(child: Child) {
    this.#child = child;
  }

  begin(): void {
    this.#kill("SIGTERM");
    this.#timer = setTimeout(() => this.#kill("SIGKILL"), PROCESS_STOP_MS_MAX);
  }

  end(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    // What the child left behind in its group.
    this.#kill("SIGKILL");
  }

  #kill(signal: "SIGTERM" | "SIGKILL"): void {
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // No group of that name: it is over already, or the system has no groups (Windows).
      this.#child.kill(signal);
    }
  }
}

interface Collected {
  readonly text: Promise<string>;
  /** Stops waiting for an end: a process in the background may hold the pipe open for ever. */
  readonly cut: () => void;
}

function collect(stream: ReadableStream<Uint8Array>, onLine: LineSink): Collected {
  const reader = stream.getReader();
  const splitter = createLineSplitter(PROCESS_LINE_BYTES_MAX);
  const emit = (lines: readonly string[]): void => {
    if (onLine !== undefined) for (const line of lines) onLine(line);
  };
  const run = async (): Promise<string> => {
    const tail = new Tail();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      tail.add(read.value);
      if (onLine !== undefined) emit(splitter.push(read.value));
    }
    emit(splitter.end());
    return tail.text();
  };
  return { text: run(), cut: () => void reader.cancel() };
}

function lineSink(stream: "stdout" | "stderr", { onLine }: RunOptions): LineSink {
  return onLine === undefined ? undefined : (line) => onLine(stream, line);
}

/** The last PROCESS_OUTPUT_BYTES_MAX bytes of a stream. */
class Tail {
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  add(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#size += bytes.length;
    while (this.#size - (this.#parts[0]?.length ?? 0) >= PROCESS_OUTPUT_BYTES_MAX) {
      this.#size -= this.#parts.shift()?.length ?? 0;
    }
  }

  text(): string {
    return new TextDecoder().decode(concatenate(this.#parts).subarray(-PROCESS_OUTPUT_BYTES_MAX));
  }
}
