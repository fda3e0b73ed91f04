import { expect, test } from "bun:test";
import { Budget } from "../../../../proxy/http2/budget.ts";

test("Budget lets a burst pass, then so much a second, and what is earned", () => {
  let now = 0;
  const budget = new Budget({ burst: 3, perSecond: 2 }, () => now);
  const spent = (times: number): number => Array.from({ length: times }, () => budget.spend()).filter(Boolean).length;
  expect(spent(5)).toBe(3);
  budget.earn(100);
  expect(spent(5)).toBe(3);
  now += 60_000;
  budget.earn(100);
  expect(spent(3)).toBe(3);
});
