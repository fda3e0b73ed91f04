/** Commands with an input of bytes, and commands in a terminal of their own. */
import { readFileSync } from "node:fs";
import type { Developer } from "./cluster.ts";

const UNTIL_MS_MAX = 30_000;

interface Bytes {
  readonly code: number;
  readonly stdout: Uint8Array;
  /** Largest resident size seen. */
  readonly peakBytes: number;
}

export async function runWithInput(
  { command }: Developer,
  args: readonly string[],
  given: { readonly input?: Uint8Array; /** Whoever reads the output pauses now and then. */ readonly slowly?: true },
): Promise<Bytes> {
  const { argv, env } = command(args);
  const child = Bun.spawn([...argv], { env, stdin: given.input ?? "ignore", stdout: "pipe", stderr: "inherit" });
  const parts: Uint8Array[] = [];
  let size = 0;
  let peakBytes = 0;
  for await (const part of child.stdout) {
    parts.push(part);
    size += part.length;
    peakBytes = Math.max(peakBytes, residentBytes(child.pid));
    if (given.slowly === true && parts.length % 50 === 0) await Bun.sleep(10);
  }
  return { code: await child.exited, stdout: Buffer.concat(parts, size), peakBytes };
}

/** VmHWM of proc_pid_status(5); 0 when the process has ended. */
function residentBytes(pid: number): number {
  try {
    const kib = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

interface TerminalCommand {
  readonly type: (keys: string) => void;
  readonly resize: (size: { readonly columns: number; readonly rows: number }) => void;
  /** Resolves with everything shown so far as soon as it matches. */
  readonly until: (pattern: RegExp) => Promise<string>;
  readonly isRaw: () => boolean;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly exited: Promise<number>;
}

export function runInTerminal(
  { command }: Developer,
  args: readonly string[],
  size: { readonly columns: number; readonly rows: number },
): TerminalCommand {
  const { argv, env } = command(args);
  const decoder = new TextDecoder();
  let shown = "";
  const child = Bun.spawn([...argv], {
    env: { ...env, TERM: "xterm" },
    // Made here, it is the command's controlling terminal: only then does a new size send SIGWINCH.
    terminal: {
      cols: size.columns,
      rows: size.rows,
      data: (_, bytes) => {
        shown += decoder.decode(bytes, { stream: true });
      },
    },
  });
  const { terminal } = child;
  if (terminal === undefined) throw new Error("No terminal was made");
  const flags = (): string => `${terminal.localFlags} ${terminal.outputFlags} ${terminal.inputFlags}`;
  const before = flags();
  return {
    type: (keys) => void terminal.write(keys),
    resize: ({ columns, rows }) => terminal.resize(columns, rows),
    until: async (pattern) => {
      const deadline = Date.now() + UNTIL_MS_MAX;
      while (!pattern.test(shown)) {
        if (Date.now() > deadline) throw new Error(`No ${String(pattern)} on the terminal:\n${shown}`);
        await Bun.sleep(20);
      }
      return shown;
    },
    isRaw: () => flags() !== before,
    kill: (signal) => child.kill(signal),
    exited: child.exited,
  };
}
