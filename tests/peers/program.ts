/** A program that says `port NUMBER` once it listens, and lines about what it sees. */
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

export interface PeerProgram {
  readonly port: number;
  readonly pid: number;
  /** All lines so far. */
  readonly lines: readonly string[];
  readonly stop: () => Promise<void>;
}

export async function startProgram(argv: readonly string[]): Promise<PeerProgram> {
  const child = Bun.spawn([...argv], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const lines: string[] = [];
  const listening = Promise.withResolvers<number>();
  void readLines(child.stdout, (line) => {
    const port = /^port (\d+)$/.exec(line)?.[1];
    if (port === undefined) lines.push(line);
    else listening.resolve(Number(port));
  }).then(() => listening.reject(new Error(`\`${argv.join(" ")}\` ended before it listened`)));
  const port = await listening.promise;
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await child.exited;
  };
  return { port, pid: child.pid, lines, stop };
}

async function readLines(stream: ReadableStream<Uint8Array>, line: (text: string) => void): Promise<void> {
  for await (const text of createInterface({ input: Readable.fromWeb(stream) })) line(text);
}
