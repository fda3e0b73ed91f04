/** The command line in this process: a home folder of its own, and what came out of it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "../../cli/run.ts";
import type { Host, Output } from "../../cli/host.ts";
import { runProcess } from "../../core/host/run-process.ts";
import { systemClock } from "../../core/host/clock.ts";
import { jsonLines } from "./json-lines.ts";

const NOW = Date.UTC(2026, 0, 2);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface AzdsOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Lines that a person types; without them nobody is there. */
  readonly typed?: readonly string[];
  readonly cwd?: string;
  /** Parts of the host that the test replaces. */
  readonly host?: Partial<Host>;
}

export interface TestHome extends AsyncDisposable {
  readonly path: string;
  readonly azds: (argv: readonly string[], options?: AzdsOptions) => Promise<Outcome>;
  /** Data of the one `result` that the command gives with `-o json`. */
  readonly result: (argv: readonly string[], options?: AzdsOptions) => Promise<unknown>;
}

/** @param env for every command of this home, for example `KUBECONFIG` */
export async function testHome(env: Readonly<Record<string, string>> = {}): Promise<TestHome> {
  const path = await mkdtemp(join(tmpdir(), "azds-home-"));
  const azds = async (argv: readonly string[], options: AzdsOptions = {}): Promise<Outcome> => {
    const stdout: string[] = [];
    const stderr: string[] = [];
    const code = await main(argv, testHost({ ...options, env: { ...env, ...options.env } }, { path, stdout, stderr }));
    return { code, stdout: stdout.join(""), stderr: stderr.join("") };
  };
  return {
    path,
    azds,
    result: async (argv, options) => {
      const { stdout } = await azds([...argv, "-o", "json"], options);
      return jsonLines(stdout).find((line) => line["type"] === "result")?.["data"];
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

interface Surroundings {
  readonly path: string;
  readonly stdout: string[];
  readonly stderr: string[];
}

function testHost(options: AzdsOptions, { path, stdout, stderr }: Surroundings): Host {
  const typed = [...(options.typed ?? [])];
  return {
    cwd: options.cwd ?? path,
    env: { ...options.env },
    home: path,
    folder: join(path, ".azds"),
    owner: "tester@test",
    pid: process.pid,
    processAlive: (pid) => pid === process.pid,
    stdout: collect(stdout),
    stderr: collect(stderr),
    stdio: {
      input: async function* () {},
      write: async (stream, bytes) => void { stdout, stderr }[stream].push(new TextDecoder().decode(bytes)),
      terminal: undefined,
    },
    stdinIsTty: options.typed !== undefined,
    readLine: async () => typed.shift(),
    // Time stands still in what is shown, so every step takes `<1s`.
    clock: { now: () => NOW, sleep: systemClock.sleep },
    run: runProcess,
    signal: new AbortController().signal,
    executable: process.execPath,
    ...options.host,
  };
}

function collect(into: string[]): Output {
  return { write: (text) => void into.push(text), drained: async () => {}, isTty: false, columns: 100 };
}
