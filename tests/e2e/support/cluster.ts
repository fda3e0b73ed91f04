/** The test cluster with azds enabled on it, made once for all files of tests/e2e. Every call pins kubeconfig and context. */
import { existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../../..");
/** Another state folder than the checkout's own, to test beside a cluster that is in use. */
export const CLUSTER = process.env["AZDS_TEST_STATE"] ?? join(ROOT, ".cluster");
const CONTEXT = "azds-test";
/** The compiled executable under test, and its image beside it. */
const DIST = process.env["AZDS_TEST_DIST"] ?? join(ROOT, "dist");
const AZDS = join(DIST, "azds");

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the command; default 120 s. */
  readonly timeoutMs?: number;
}

/** A user of the cluster with a home folder of their own. */
export interface Developer {
  readonly home: string;
  readonly kubeconfig: string;
  /** The words and the environment of a command, for who starts it otherwise. */
  readonly command: (args: readonly string[]) => {
    readonly argv: readonly string[];
    readonly env: Record<string, string>;
  };
  readonly azds: (args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;
  /** Starts a command that stays; the caller ends it. */
  readonly start: (args: readonly string[], options?: CommandOptions) => RunningCommand;
}

export interface RunningCommand {
  readonly pid: number;
  /** Code of its end; `undefined` while it runs. */
  readonly exitCode: () => number | undefined;
  /** Everything printed so far. */
  readonly output: () => string;
  /** Resolves with the output as soon as it matches; rejects with the output after 60 s or when the command ends. */
  readonly until: (pattern: RegExp) => Promise<string>;
  /** Sends the signal and resolves with the exit code. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number>;
}

const UNTIL_MS_MAX = 60_000;
const COMMAND_MS_MAX = 120_000;
const KUBECONFIG = join(CLUSTER, "kubeconfig");
const KUBECTL = ["kubectl", "--kubeconfig", KUBECONFIG, "--context", CONTEXT] as const;
/** The Helm that the test cluster was built with. */
export const HELM = join(CLUSTER, "bin/helm");

export function developer(kubeconfig: string = KUBECONFIG): Developer {
  const home = mkdtempSync(join(tmpdir(), "azds-home-"));
  const environment = (extra: Readonly<Record<string, string>> = {}): Record<string, string> => ({
    HOME: home,
    KUBECONFIG: kubeconfig,
    PATH: `${join(CLUSTER, "bin")}:${process.env["PATH"] ?? ""}`,
    USER: "tester",
    NO_COLOR: "1",
    ...extra,
  });
  return {
    home,
    kubeconfig,
    command: (args) => ({ argv: [AZDS, ...args], env: environment() }),
    azds: async (args, options = {}) => command([AZDS, ...args], { ...options, env: environment(options.env) }),
    start: (args, options = {}) => startCommand([AZDS, ...args], { ...options, env: environment(options.env) }),
  };
}

export async function kubectl(args: readonly string[], input?: string): Promise<CommandResult> {
  return command([...KUBECTL, ...args], {
    env: kubectlEnvironment(),
    ...(input === undefined ? {} : { input }),
  });
}

/** A `kubectl` that stays; the caller ends it. */
export function startKubectl(args: readonly string[]): RunningCommand {
  return startCommand([...KUBECTL, ...args], { env: kubectlEnvironment() });
}

function kubectlEnvironment(): Readonly<Record<string, string>> {
  return { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/" };
}

/** As `kubectl`, but a failure is a failure of the test. */
export async function kubectlOk(args: readonly string[], input?: string): Promise<string> {
  const result = await kubectl(args, input);
  if (result.code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

/** Objects as JSON, applied at once. */
export async function apply(objects: readonly unknown[]): Promise<void> {
  await kubectlOk(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
}

/** Enables azds with the root space `dev` selected by the returned administrator. Quick when it is enabled already. */
export async function enabledCluster(): Promise<Developer> {
  if (!existsSync(AZDS)) throw new Error("dist/azds is missing: run `make build`");
  const load = await command(
    [process.execPath, "tests/cluster/main.ts", "load-image", join(DIST, "azds-image.tar"), "--state", CLUSTER],
    { cwd: ROOT, env: { ...inherited() } },
  );
  if (load.code !== 0) throw new Error(`The image was not loaded: ${load.stdout}${load.stderr}`);
  const admin = developer();
  // Whatever a killed run of the registry's tests has left.
  const enabled = await admin.azds(["cluster", "enable", "--space", "dev", "--registry", "none", "--yes"]);
  if (enabled.code !== 0) throw new Error(`azds cluster enable failed: ${enabled.stdout}${enabled.stderr}`);
  return admin;
}

/** A folder below the user's temporary ones, for one test. */
export function scratchFolder(name: string): string {
  const folder = join(mkdtempSync(join(tmpdir(), "azds-e2e-")), name);
  mkdirSync(folder);
  return folder;
}

function inherited(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

async function command(argv: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const child = Bun.spawn([...argv], {
    cwd: options.cwd ?? tmpdir(),
    env: { ...options.env },
    stdin: options.input === undefined ? "ignore" : new Blob([options.input]),
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.timeoutMs ?? COMMAND_MS_MAX,
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** Starts any program that stays; the caller ends it. */
export function startCommand(argv: readonly string[], options: CommandOptions): RunningCommand {
  const child = Bun.spawn([...argv], {
    cwd: options.cwd ?? tmpdir(),
    env: { ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let output = "";
  const collect = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const bytes of stream) output += decoder.decode(bytes, { stream: true });
  };
  const reading = Promise.all([collect(child.stdout), collect(child.stderr)]);
  return {
    pid: child.pid,
    exitCode: () => child.exitCode ?? (child.signalCode === null ? undefined : 128),
    output: () => output,
    until: async (pattern) => {
      const deadline = Date.now() + UNTIL_MS_MAX;
      while (!pattern.test(output)) {
        if (Date.now() > deadline || child.exitCode !== null)
          throw new Error(`No ${String(pattern)} in the output:\n${output}`);
        await Bun.sleep(20);
      }
      return output;
    },
    stop: async (signal = "SIGINT") => {
      child.kill(signal);
      await reading;
      return child.exited;
    },
  };
}
