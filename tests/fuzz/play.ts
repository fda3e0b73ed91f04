/** `bun tests/fuzz/play.ts SEED MESSAGES`: plays the rounds and prints a line of JSON now and then. */
import { playRound } from "./rounds.ts";

export interface Progress {
  readonly messages: number;
  /** Since the last line. */
  readonly disagreements: readonly string[];
  /** What lives after a full collection. */
  readonly heapMiB: number;
  readonly residentMiB: number;
}

const STEP = 20_000;
const MIB = 2 ** 20;

const [seed = 1, messages = STEP] = process.argv.slice(2).map(Number);
let disagreements: string[] = [];
for (let round = 1; round <= messages; round += 1) {
  const disagreement = playRound(seed, round);
  if (disagreement !== undefined) disagreements.push(disagreement);
  if (round % STEP === 0 || round === messages) {
    report(round);
    disagreements = [];
  }
}

function report(played: number): void {
  Bun.gc(true);
  const { heapUsed, rss } = process.memoryUsage();
  const step: Progress = {
    messages: played,
    disagreements,
    heapMiB: Math.round((heapUsed / MIB) * 10) / 10,
    residentMiB: Math.round(rss / MIB),
  };
  console.log(JSON.stringify(step));
}
