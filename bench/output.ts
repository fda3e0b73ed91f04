/** What passing an application's output on costs: the same program with and without the agent in between, in turns. */
import { join } from "node:path";
import { type Measurement } from "./report.ts";

const AZDS = join(import.meta.dir, "../dist/azds");
const ROUNDS = 5;
const BYTES = 200_000_000;
/** At most a quarter more time is at least 80 % of the speed. */
const RATIO_MAX = 1.25;

/** Programs that write so much: a line per system call, and as full buffers of C's standard output. */
const PROGRAMS = {
  "line by line": ["awk", `BEGIN { for (i = 0; i < ${BYTES / 100}; i++) { printf "%99d\\n", i; fflush() } }`],
  "in full buffers": ["sh", "-c", `yes ${"x".repeat(99)} | head -c ${BYTES}`],
} as const;

/** To a process that reads all of it, as container runtimes do. */
function time(command: readonly string[]): number {
  const started = performance.now();
  const reader = Bun.spawnSync(["sh", "-c", '"$@" 2>/dev/null | wc -c', "sh", ...command]);
  const seconds = (performance.now() - started) / 1000;
  if (Number(reader.stdout.toString()) !== BYTES) throw new Error(`Of ${BYTES} bytes came ${reader.stdout.toString()}`);
  return seconds;
}

export function* output(): Generator<Measurement> {
  for (const [name, program] of Object.entries(PROGRAMS)) {
    const [values, against]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      against.push(time(program));
      values.push(time([AZDS, "__agent", "--image", "none", "--", ...program]));
    }
    const title = `200 MB of output through the agent, ${name}`;
    yield { suite: "output", name: title, unit: "s", values, against, target: RATIO_MAX, bounds: "ratio" };
  }
}
