import type { Run } from "../core/host/run.ts";
import { systemClock } from "../core/host/clock.ts";
import { PROCESS_OUTPUT_BYTES_MAX, PROCESS_STOP_MS_MAX } from "../core/limits.ts";

/** Runs a program to its end. Aborting sends SIGTERM, waits a moment for the program and rejects with the signal's reason. */
export const spawnProcess: Run = async (argv, options) => {
  options.signal?.throwIfAborted();
  const child = Bun.spawn([...argv], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...options.env },
    stdin: options.input === undefined ? "ignore" : new TextEncoder().encode(options.input),
    stdout: "pipe",
    stderr: "pipe",
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const onLine = options.onLine;
  const finished = Promise.all([
    child.exited,
    collect(child.stdout, (line) => onLine?.("stdout", line)),
    collect(child.stderr, (line) => onLine?.("stderr", line)),
  ]);
  await Promise.race([finished, stopLimit(options.signal)]);
  options.signal?.throwIfAborted();
  const [code, stdout, stderr] = await finished;
  return { code, stdout, stderr };
};

/** Resolves some time after the abort, so that a program or a grandchild of it that ignores SIGTERM holds nobody up. */
async function stopLimit(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => signal?.addEventListener("abort", resolve, { once: true }));
  await systemClock.sleep(PROCESS_STOP_MS_MAX);
}

/** The whole text up to the limit; every line, also beyond it, goes to `onLine`. */
async function collect(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<string> {
  const decoder = new TextDecoder();
  const kept: string[] = [];
  let keptLength = 0;
  let unfinished = "";
  const take = (text: string): void => {
    if (keptLength < PROCESS_OUTPUT_BYTES_MAX) kept.push(text);
    keptLength += text.length;
    const lines = `${unfinished}${text}`.split("\n");
    unfinished = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  };
  for await (const bytes of stream) take(decoder.decode(bytes, { stream: true }));
  take(decoder.decode());
  if (unfinished !== "") onLine(unfinished);
  return kept.join("");
}
