import { ERROR_LINES_MAX } from "./limits.ts";

export type RunOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
};

/** Runs a program to its end and gives its standard output. Throws with the end of its standard error when it fails. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const child = Bun.spawn([...argv], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    stdin: options.input === undefined ? "ignore" : new TextEncoder().encode(options.input),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code === 0) return stdout;
  const said = lastLines(stderr.trim() === "" ? stdout : stderr);
  throw new Error(`\`${argv.join(" ")}\` failed with exit code ${code}\n${said}`);
}

/** The end of a text, short enough for an error message. */
export function lastLines(text: string, count: number = ERROR_LINES_MAX): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

/** Runs tasks one after another, each started when the one before has ended. */
export async function inOrder<T>(items: Iterable<T>, task: (item: T) => Promise<unknown>): Promise<void> {
  for (const item of items) {
    await task(item);
  }
}
