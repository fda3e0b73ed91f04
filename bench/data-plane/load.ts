/** Load made by other processes on the load generator's core: by wrk, for WebSocket by `websocket-client.ts`, for HTTP/2 see `http2.ts`. */
import { join } from "node:path";
import { asNumber, at, parseJson } from "../../core/parse.ts";
import { LOAD_CORE } from "./places.ts";

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers: readonly string[];
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
}

/** @throws Error when wrk fails */
export async function wrk({ url, connections, seconds, headers }: Load): Promise<LoadResult> {
  const flags = ["--threads=1", `--connections=${connections}`, `--duration=${seconds}s`, "--timeout=20s"];
  const script = `--script=${join(import.meta.dir, "wrk.lua")}`;
  const named = headers.flatMap((header) => ["--header", header]);
  return report(["wrk", ...flags, script, ...named, url]);
}

/** @throws Error when a connection cannot be had */
export async function pingPong(load: Load, bytes: number): Promise<LoadResult> {
  const words = [load.url, load.connections, load.seconds, bytes, ...load.headers].map(String);
  return report([process.execPath, join(import.meta.dir, "websocket-client.ts"), ...words]);
}

/** What a program says on the load generator's core. @throws Error when it fails */
export async function outputOf(command: readonly string[]): Promise<string> {
  const argv = ["taskset", "--cpu-list", String(LOAD_CORE), ...command];
  const child = Bun.spawn(argv, { stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`\`${argv.join(" ")}\` failed\n${out}${err}`);
  return out;
}

async function report(command: readonly string[]): Promise<LoadResult> {
  const out = await outputOf(command);
  const line = out.trimEnd().split("\n").at(-1) ?? "";
  const value = parseJson(line, { code: "PROTOCOL", path: "load" });
  const number = (key: string): number => asNumber(at(value, key)) ?? 0;
  return {
    requests: number("requests"),
    seconds: number("duration") / 1e6,
    p50: number("p50"),
    p99: number("p99"),
    errors: number("errors"),
  };
}
