import { expect, test } from "bun:test";
import { type Place, planBack } from "../../../../../cli/engine/live/back-plan.ts";

const FILE = { path: "a.lock", mode: 0o644, size: 1, sha256: "theirs" };
const here = (sha256: string, mode = 0o640): Place => ({ kind: "file", sha256, mode });

test.each([
  ["nothing is here", { kind: "absent" }, undefined, { deed: "bring", mode: 0o644 }],
  ["both are the same", here("theirs"), undefined, { deed: "leave" }],
  ["only the container's has changed", here("base"), "base", { deed: "bring", mode: 0o640 }],
  ["only the developer's has changed", here("mine"), "theirs", { deed: "leave" }],
  ["both have changed", here("mine"), "base", { deed: "conflict" }],
  ["nobody knows who has changed", here("mine"), undefined, { deed: "conflict" }],
  [
    "a symlink is here",
    { kind: "closed", why: "it is a symlink here" },
    "base",
    { deed: "refuse", why: "it is a symlink here" },
  ],
] as const)("planBack when %s", (...[, there, base, deed]) => expect(planBack(FILE, there, base)).toEqual(deed));

test("planBack makes a program of what is one in the container, and the other way round", () => {
  expect(planBack({ ...FILE, mode: 0o755 }, here("base"), "base")).toEqual({ deed: "bring", mode: 0o750 });
  expect(planBack({ ...FILE, mode: 0o600 }, here("base", 0o755), "base")).toEqual({ deed: "bring", mode: 0o644 });
});
