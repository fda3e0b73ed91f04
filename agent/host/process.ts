/** One run of a program: the developer's, or a build command of theirs. */
import type { Clock } from "../../core/host/clock.ts";
import { OUTPUT_DRAIN_MS_MAX, OUTPUT_OWED_MS_MAX } from "../../core/limits.ts";
import { atMost } from "./at-most.ts";
import { openOutputPipe } from "./output-pipe.ts";

export interface ChildOptions {
  /** The file to execute. */
  readonly file: string;
  /** All words of the command; the first is what the process sees as its own name. */
  readonly argv: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Default: ours. */
  readonly stdin?: "inherit" | "ignore";
  /** Called with each chunk; the process's next write waits until it resolves. */
  readonly onOutput: (stream: "stdout" | "stderr", bytes: Uint8Array) => Promise<void>;
}

export interface Child {
  /** Also the id of its process group. */
  readonly pid: number;
  /** Exit code, or 128 + signal number as shells report it. */
  readonly exited: Promise<number>;
  /**
   * To be called when it has exited: resolves when what it wrote was taken, and its output is read no further.
   * Descendants may hold the pipes for ever, so theirs is taken for OUTPUT_DRAIN_MS_MAX.
   */
  readonly drain: (clock: Clock) => Promise<void>;
  /** Does nothing when the process is gone. */
  readonly signal: (name: NodeJS.Signals) => void;
}

/** Children of this process that the runtime itself collects; the reaper leaves them alone. */
export class Children {
  readonly #pids = new Set<number>();

  has(pid: number): boolean {
    return this.#pids.has(pid);
  }

  /**
   * Starts the process in a session of its own.
   * Throws what the system said (`code` ENOENT, EACCES, ENOEXEC) when it cannot be started.
   */
  start(options: ChildOptions): Child {
    const child = startChild(options);
    this.#pids.add(child.pid);
    void child.exited.then(() => this.#pids.delete(child.pid));
    return child;
  }
}

function startChild(options: ChildOptions): Child {
  const [name = options.file, ...rest] = options.argv;
  const pipes = { stdout: openOutputPipe(), stderr: openOutputPipe() };
  const both = Object.values(pipes);
  const read = all([
    pipes.stdout.read((bytes) => options.onOutput("stdout", bytes)),
    pipes.stderr.read((bytes) => options.onOutput("stderr", bytes)),
  ]);
  try {
    const child = Bun.spawn([options.file, ...rest], {
      argv0: name,
      env: options.env,
      stdio: [options.stdin ?? "inherit", pipes.stdout.writer, pipes.stderr.writer],
      // A group of its own, so that a restart can end everything that it started.
      detached: true,
    });
    return {
      pid: child.pid,
      exited: child.exited,
      drain: async (clock) => {
        await atMost(clock, OUTPUT_OWED_MS_MAX, all(both.map((pipe) => pipe.taken())));
        await atMost(clock, OUTPUT_DRAIN_MS_MAX, read);
        await all(both.map((pipe) => pipe.close()));
      },
      signal: (signal) => child.kill(signal),
    };
  } finally {
    for (const pipe of both) pipe.closeWriter();
  }
}

async function all(work: readonly Promise<void>[]): Promise<void> {
  await Promise.all(work);
}
