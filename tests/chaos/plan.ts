/** What happens in a round, decided before it begins and from nothing but a seed. Pure. */
import { type Random, randomFrom } from "./random.ts";

/** What is hit. How each is done and undone: faults.ts. */
export const FAULTS = [
  "cli",
  "cli-asleep",
  "agent",
  "application",
  "sidecar",
  "pod",
  "builder",
  "buildkitd",
  "webhook",
  "webhook-and-pod",
  "controller",
  "api-server",
  "network",
  "kubelet",
  "containerd",
  "node",
] as const;
export type FaultName = (typeof FAULTS)[number];

/** `attached`: while saves are brought; `rebuild`: while a save makes a new image; else the phase of `azds up` that it hits. */
export const MOMENTS = ["attached", "rebuild", "start", "sync", "build", "install", "wait"] as const;
export type Moment = (typeof MOMENTS)[number];

export type Save =
  | { readonly kind: "write"; readonly path: string; readonly text: string }
  | { readonly kind: "big"; readonly path: string; readonly bytes: number; readonly seed: number }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "delete"; readonly path: string }
  /** As `git switch` does: a folder of BRANCH_FILES files becomes another. */
  | { readonly kind: "branch"; readonly seed: number }
  /** What the application says of itself: shows whether it runs with the newest files. */
  | { readonly kind: "marker"; readonly name: string };

export interface TimedSave {
  readonly afterMs: number;
  readonly save: Save;
}

export interface Round {
  readonly seed: number;
  /** From 0. */
  readonly number: number;
  readonly moment: Moment;
  readonly fault: FaultName;
  /** From the moment to the fault. */
  readonly delayMs: number;
  /** How long what was hit stays away, where somebody has to start it again. */
  readonly awayMs: number;
  /** `down` comes first, so that `up` has to make everything. */
  readonly fresh: boolean;
  /** Begin together with the moment. The last is a marker, and comes after the fault. */
  readonly saves: readonly TimedSave[];
}

export const BRANCH_FILES = 200;
const DELAY_MS_MAX = {
  attached: 400,
  rebuild: 4_000,
  start: 300,
  sync: 200,
  build: 1_500,
  install: 1_000,
  wait: 1_500,
};
const AWAY_MS_MAX = 3_000;
const BIG_BYTES_MAX = 24 * 1024 * 1024;
const FILES = 12;
/** Of the faults, how many in a deck hit an attached `up`: most of a developer's day. */
const ATTACHED_SHARE = 3;

/** @param moments those that may occur; each fault meets each of them before any pair comes again */
export function planRound(seed: number, number: number, moments: readonly Moment[] = MOMENTS): Round {
  const deck = randomFrom(seed).shuffled(
    FAULTS.flatMap((fault) =>
      moments.flatMap((moment) =>
        Array.from({ length: moment === "attached" ? ATTACHED_SHARE : 1 }, () => ({ fault, moment })),
      ),
    ),
  );
  const card = deck[number % deck.length] ?? { fault: "cli", moment: "attached" };
  const random = randomFrom(Math.imul(seed + 1, 0x9e3779b1) + number);
  const delayMs = random.below(DELAY_MS_MAX[card.moment]);
  return {
    seed,
    number,
    ...card,
    delayMs,
    awayMs: random.below(AWAY_MS_MAX),
    fresh: card.moment !== "attached" && card.moment !== "rebuild" && random.below(3) === 0,
    saves: planSaves(random, { name: `${seed}-${number}`, afterMs: delayMs }),
  };
}

function planSaves(random: Random, marker: { readonly name: string; readonly afterMs: number }): readonly TimedSave[] {
  const count = 1 + random.below(5);
  const saves = Array.from({ length: count }, () => ({ afterMs: random.below(600), save: planSave(random) }));
  const last = {
    afterMs: marker.afterMs + 50 + random.below(400),
    save: { kind: "marker", name: marker.name } as const,
  };
  return [...saves, { afterMs: 0, save: { kind: "marker", name: `${marker.name}-before` } as const }, last].toSorted(
    (a, b) => a.afterMs - b.afterMs,
  );
}

function planSave(random: Random): Save {
  switch (random.below(10)) {
    case 0:
    case 1:
      return { kind: "rename", from: anyPath(random), to: anyPath(random) };
    case 2:
    case 3:
      return { kind: "delete", path: anyPath(random) };
    case 4:
      return {
        kind: "big",
        path: "public/big.bin",
        bytes: 1 + random.below(BIG_BYTES_MAX),
        seed: random.below(2 ** 31),
      };
    case 5:
      return { kind: "branch", seed: random.below(2 ** 31) };
    default:
      return { kind: "write", path: anyPath(random), text: random.text(1 + random.below(4_000)) };
  }
}

/** Below `public` a save only copies, below `lib` it restarts the application. */
function anyPath(random: Random): string {
  const folder = random.pick(["public", "public/deep/er", "lib", "lib/sub"]);
  return `${folder}/file-${random.below(FILES)}.txt`;
}

/** One line that says everything. */
export function describeRound({ number, seed, moment, fault, delayMs, awayMs, fresh, saves }: Round): string {
  const what = saves.map(({ afterMs, save }) => `${save.kind}@${afterMs}`).join(" ");
  const how = fresh ? "fresh, " : "";
  return `round ${number} of seed ${seed}: ${fault} in ${moment} after ${delayMs} ms, away ${awayMs} ms (${how}${what})`;
}

/** The command that does this round alone. */
export function repeatCommand({ number, seed }: Round): string {
  return `AZDS_CHAOS_SEED=${seed} AZDS_CHAOS_FIRST=${number} AZDS_CHAOS_ROUNDS=1 bun test ./tests/e2e/chaos.test.ts`;
}
