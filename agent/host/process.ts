/** One run of a program: the developer's, or a build command of theirs. */

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
  /** Both outputs ended; later than `exited` when a descendant still holds them. */
  readonly drained: Promise<void>;
  /** Reads its output no further; `drained` resolves. */
  readonly release: () => Promise<void>;
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
  const child = Bun.spawn([options.file, ...rest], {
    argv0: name,
    env: options.env,
    stdio: [options.stdin ?? "inherit", "pipe", "pipe"],
    // A group of its own, so that a restart can end everything that it started.
    detached: true,
  });
  const readers = { stdout: child.stdout.getReader(), stderr: child.stderr.getReader() };
  const pump = async (stream: "stdout" | "stderr"): Promise<void> => {
    const reader = readers[stream];
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      await options.onOutput(stream, read.value);
    }
  };
  return {
    pid: child.pid,
    exited: child.exited,
    drained: all([pump("stdout"), pump("stderr")]),
    release: () => all([readers.stdout.cancel(), readers.stderr.cancel()]),
    signal: (signal) => child.kill(signal),
  };
}

async function all(work: readonly Promise<void>[]): Promise<void> {
  await Promise.all(work);
}
