/** Programs of a benchmark: pinned to a core, measured with all their children, ended with them. */
import { readFileSync } from "node:fs";
import { cpuSeconds, residentMegabytes } from "../feed/processes.ts";

/** Milliseconds. */
const START_MS_MAX = 20_000;
const END_MS_MAX = 5_000;
const LOOK_MS = 20;

export interface Program {
  readonly name: string;
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

export interface Start {
  readonly name: string;
  readonly argv: readonly string[];
  readonly core: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Where it listens once it has started. */
  readonly port: number;
}

/** Resolves when it listens. */
export async function startProgram({ name, argv, core, env, port }: Start): Promise<Program> {
  if (await listens(port)) throw new Error(`Something else listens on port ${port}, which \`${name}\` needs`);
  const child = Bun.spawn(["taskset", "--cpu-list", String(core), ...argv], {
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = tail(child.stderr);
  const limit = performance.now() + START_MS_MAX;
  while (!(await listens(port))) {
    if (child.exitCode !== null || performance.now() > limit) {
      child.kill("SIGKILL");
      throw new Error(`\`${name}\` does not listen on port ${port}\n${said()}`);
    }
    await Bun.sleep(LOOK_MS);
  }
  const stop = async (): Promise<void> => {
    const pids = processTree(child.pid);
    child.kill("SIGTERM");
    const ended = await Promise.race([child.exited, Bun.sleep(END_MS_MAX)]);
    if (ended === undefined) for (const pid of pids) killIfThere(pid);
  };
  return { name, pid: child.pid, stop };
}

/** User and system time of a program and all its children, in seconds. */
export function cpuSecondsOf(program: Program): number {
  return cpuSeconds(processTree(program.pid));
}

export function residentMegabytesOf(program: Program): number {
  return processTree(program.pid).reduce((sum, pid) => sum + residentMegabytes(pid), 0);
}

function processTree(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return [pid, ...(children === "" ? [] : children.split(" ").flatMap((child) => processTree(Number(child))))];
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

async function listens(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

/** Reads on, so that the program never waits for us, and keeps the end. */
function tail(stream: ReadableStream<Uint8Array>): () => string {
  const KEPT = 2000;
  let text = "";
  void (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of stream) text = (text + decoder.decode(bytes, { stream: true })).slice(-KEPT);
  })();
  return () => text;
}
