/**
 * Whatever is killed, and whenever: afterwards the container has the files on disk, nothing is left running, and `down`
 * leaves nothing. `make prove-chaos` does many rounds of all kinds; `make test` a few of the cheap ones.
 *
 * AZDS_CHAOS_SEED, AZDS_CHAOS_FIRST (number of the first round) and AZDS_CHAOS_ROUNDS choose the rounds.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { describeRound, MOMENTS, planRound, repeatCommand, type Round } from "../chaos/plan.ts";
import { doRound, lastOf, removed, type RoundResult } from "../chaos/rounds.ts";
import { SPACE, World } from "../chaos/world.ts";
import { enabledCluster } from "./support/cluster.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";

const SHORT_ROUNDS = 4;
const PROOF_ROUNDS = 200;
/** The short form: a seed whose first rounds hit what is hit most often, and attached, since that costs no new image. */
const IS_SHORT = process.env["AZDS_PROVE"] !== "chaos" && process.env["AZDS_CHAOS_ROUNDS"] === undefined;
const SEED = numberFrom("AZDS_CHAOS_SEED", IS_SHORT ? 4572 : 1);
const FIRST = numberFrom("AZDS_CHAOS_FIRST", 0);
const ROUNDS = numberFrom("AZDS_CHAOS_ROUNDS", IS_SHORT ? SHORT_ROUNDS : PROOF_ROUNDS);
const PLANNED = IS_SHORT ? (["attached"] as const) : MOMENTS;
/** Of the proof: from recovery until the container is as the disk. */
const SETTLED_MS_WANTED = 5_000;
const ROUND_MS_MAX = 900_000;

let world: World;
const results: RoundResult[] = [];

beforeAll(async () => {
  const developer = await enabledCluster();
  await labelSpaces({ [SPACE]: "root" });
  world = await World.open(developer);
}, 300_000);

afterAll(async () => {
  summarize();
  await world.stopUp();
  world.project.remove();
  await removeSpaces({ [SPACE]: "root" });
}, 60_000);

test.each(
  Array.from({ length: ROUNDS }, (_, index) => planRound(SEED, FIRST + index, PLANNED)).map(
    (round) => [describeRound(round), round] as const,
  ),
)(
  "%s",
  async (_, round) => {
    const result = await attempt(round);
    results.push(result);
    tell(result);
    expect(result.wrong).toEqual([]);
  },
  ROUND_MS_MAX,
);

test(
  "down leaves nothing",
  async () => {
    await world.stopUp();
    await removed(world);
    expect(await world.left()).toEqual([]);
  },
  ROUND_MS_MAX,
);

/** A round that breaks is over; the next one begins from nothing. */
async function attempt(round: Round): Promise<RoundResult> {
  try {
    return await doRound(world, round);
  } catch (error) {
    const output = lastOf(world.up);
    await world.stopUp("SIGKILL").catch(() => undefined);
    await removed(world);
    return { round, wrong: [String(error), output], settledMs: 0, lastMissing: [], gaveUp: undefined };
  }
}

function tell({ round, wrong, settledMs, lastMissing, gaveUp }: RoundResult): void {
  const ended = gaveUp === undefined ? "" : `; \`up\` gave up and came back: ${gaveUp}`;
  const late = settledMs > SETTLED_MS_WANTED ? ` (until then: ${lastMissing.join("; ")})` : "";
  console.log(`${describeRound(round)}\n  settled after ${Math.round(settledMs)} ms${late}${ended}`);
  if (wrong.length === 0) return;
  console.log(`  WRONG:\n  ${wrong.join("\n  ")}\n  again: ${repeatCommand(round)}\n${lastOf(world.up)}`);
}

function summarize(): void {
  const times = results.map(({ settledMs }) => settledMs).toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(times[Math.floor((times.length - 1) * share)] ?? 0);
  const summary = {
    seed: SEED,
    first: FIRST,
    rounds: results.length,
    wrong: results.filter(({ wrong }) => wrong.length > 0).length,
    gaveUp: results.filter(({ gaveUp }) => gaveUp !== undefined).length,
    settledMs: { p50: at(0.5), p95: at(0.95), max: at(1) },
    late: times.filter((ms) => ms > SETTLED_MS_WANTED).length,
  };
  console.log(`chaos ${JSON.stringify(summary)}`);
}

function numberFrom(name: string, otherwise: number): number {
  return Number(process.env[name] ?? otherwise);
}
