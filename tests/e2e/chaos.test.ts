/**
 * Whatever is killed, and whenever: afterwards the container has the files on disk, nothing is left running, and `down`
 * leaves nothing. The short form of `make prove-chaos`, which is this file with AZDS_CHAOS_ROUNDS=200.
 *
 * AZDS_CHAOS_SEED, AZDS_CHAOS_FIRST (number of the first round) and AZDS_CHAOS_ROUNDS choose the rounds.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { describeRound, MOMENTS, planRound, repeatCommand, type Round } from "../chaos/plan.ts";
import { doRound, lastOf, removed, type RoundResult } from "../chaos/rounds.ts";
import { SPACE, World } from "../chaos/world.ts";
import { enabledCluster } from "./support/cluster.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";

const SEED = numberFrom("AZDS_CHAOS_SEED", 1);
const FIRST = numberFrom("AZDS_CHAOS_FIRST", 0);
const SHORT_ROUNDS = 4;
const ROUNDS = numberFrom("AZDS_CHAOS_ROUNDS", SHORT_ROUNDS);
/** The short form has time for what costs no new image. */
const PLANNED = process.env["AZDS_CHAOS_ROUNDS"] === undefined ? (["attached"] as const) : MOMENTS;
/** Of the proof: from recovery until the container is as the disk. */
const SETTLED_MS_WANTED = 5_000;
const ROUND_MS_MAX = 600_000;

let world: World;

beforeAll(async () => {
  const developer = await enabledCluster();
  await labelSpaces({ [SPACE]: "root" });
  world = await World.open(developer);
}, 300_000);

afterAll(async () => {
  await world.stopUp();
  world.project.remove();
  await removeSpaces({ [SPACE]: "root" });
}, 60_000);

test(
  `${ROUNDS} rounds of seed ${SEED}`,
  async () => {
    const results: RoundResult[] = [];
    for (let number = FIRST; number < FIRST + ROUNDS; number += 1) {
      const round = planRound(SEED, number, PLANNED);
      console.log(describeRound(round));
      const result = await attempt(round);
      results.push(result);
      tell(result);
    }
    await world.stopUp();
    await removed(world);
    summarize(results);
    expect(results.filter(({ wrong }) => wrong.length > 0).map(({ round }) => describeRound(round))).toEqual([]);
  },
  ROUNDS * ROUND_MS_MAX,
);

/** A round that breaks is over; the next one begins from nothing. */
async function attempt(round: Round): Promise<RoundResult> {
  try {
    return await doRound(world, round);
  } catch (error) {
    await world.stopUp("SIGKILL").catch(() => undefined);
    await removed(world);
    return { round, wrong: [String(error)], settledMs: 0, lastMissing: [], gaveUp: undefined };
  }
}

function tell({ round, wrong, settledMs, lastMissing, gaveUp }: RoundResult): void {
  const ended = gaveUp === undefined ? "" : `, up gave up with ${gaveUp} and came back`;
  const late = settledMs > SETTLED_MS_WANTED ? ` (until then: ${lastMissing.join("; ")})` : "";
  if (wrong.length === 0) return console.log(`  as it should be after ${Math.round(settledMs)} ms${late}${ended}`);
  const output = `\n  azds up said last:\n${lastOf(world.up)}`;
  console.log(`  WRONG${ended}:\n  ${wrong.join("\n  ")}\n  again: ${repeatCommand(round)}${output}`);
}

function summarize(results: readonly RoundResult[]): void {
  const times = results.map(({ settledMs }) => settledMs).toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(times[Math.floor((times.length - 1) * share)] ?? 0);
  const late = times.filter((ms) => ms > SETTLED_MS_WANTED).length;
  const summary = {
    seed: SEED,
    first: FIRST,
    rounds: results.length,
    wrong: results.filter(({ wrong }) => wrong.length > 0).length,
    gaveUp: results.filter(({ gaveUp }) => gaveUp !== undefined).length,
    settledMs: { p50: at(0.5), p95: at(0.95), max: at(1) },
    late,
  };
  console.log(`chaos ${JSON.stringify(summary)}`);
}

function numberFrom(name: string, otherwise: number): number {
  return Number(process.env[name] ?? otherwise);
}
