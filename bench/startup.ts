/** What the executable costs before it does anything, in turns with a program that does nothing. */
import { join } from "node:path";
import { type Measurement } from "./report.ts";

const AZDS = join(import.meta.dir, "../dist/azds");
const ROUNDS = 30;

function time(argv: readonly string[]): number {
  const started = Bun.nanoseconds();
  Bun.spawnSync([...argv], { env: { HOME: "/nonexistent" }, stdout: "ignore", stderr: "ignore" });
  return (Bun.nanoseconds() - started) / 1e6;
}

export function startup(): readonly Measurement[] {
  const version: number[] = [];
  const help: number[] = [];
  const nothing: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    version.push(time([AZDS, "--version"]));
    nothing.push(time(["true"]));
    help.push(time([AZDS, "--help"]));
  }
  return [
    { suite: "startup", name: "azds --version", unit: "ms", values: version, against: nothing, target: 10 },
    { suite: "startup", name: "azds --help", unit: "ms", values: help, against: nothing },
  ];
}
