/** Standard streams as bytes, and the terminal behind them, for commands that hand both to a program in the cluster. */
import { spawnSync } from "node:child_process";
import { isatty, WriteStream } from "node:tty";
import type { Stdio, Terminal } from "./host.ts";

export function systemStdio(): Stdio {
  const outputs = { stdout: process.stdout, stderr: process.stderr };
  return {
    input: () => process.stdin,
    // The callback comes when the bytes have left this process, which is the reader's back-pressure.
    write: (stream, bytes) =>
      new Promise((resolve, reject) => {
        outputs[stream].write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    terminal: isatty(process.stdin.fd) ? systemTerminal() : undefined,
  };
}

function systemTerminal(): Terminal {
  const { stdin } = process;
  return {
    size: () => {
      // Standard output may lead elsewhere; the terminal is where the keys come from.
      const [columns, rows] = new WriteStream(stdin.fd).getWindowSize();
      return { columns, rows };
    },
    onResize: (listener) => {
      process.on("SIGWINCH", listener);
      return () => void process.off("SIGWINCH", listener);
    },
    raw: () => {
      const restore = (): void => {
        process.off("exit", restore);
        stdin.setRawMode(false);
      };
      // Also when the process is ended from inside: a second signal, a reader of standard output that went away, a bug.
      process.on("exit", restore);
      stdin.setRawMode(true);
      // Raw mode of Node and Bun still puts a carriage return before each line feed of the output, which moves the
      // cursor of full-screen programs; the far terminal has done that already where it is wanted.
      spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
      return restore;
    },
  };
}
