import { expect, test } from "bun:test";
import { FAULTS, MOMENTS, planRound } from "./plan.ts";

test("planRound() gives the same round for the same seed and number, and others for others", () => {
  expect(planRound(7, 3)).toEqual(planRound(7, 3));
  expect(planRound(7, 3)).not.toEqual(planRound(8, 3));
  expect(planRound(7, 3).saves).not.toEqual(planRound(7, 4).saves);
});

test("planRound() meets every fault at every moment within 200 rounds", () => {
  const met = new Set(
    Array.from({ length: 200 }, (_, number) => {
      const { fault, moment } = planRound(1, number);
      return `${fault} ${moment}`;
    }),
  );
  expect(met.size).toBe(FAULTS.length * MOMENTS.length);
});

test("the last save of a round is a marker after the fault", () => {
  for (let number = 0; number < 100; number += 1) {
    const { saves, delayMs } = planRound(1, number);
    const marker = saves.findLast(({ save }) => save.kind === "marker");
    expect(marker?.afterMs).toBeGreaterThan(delayMs);
  }
});
