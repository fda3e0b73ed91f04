import { expect, test } from "bun:test";
import { chooseRenderer, type Surroundings, wantsColor } from "../../../../cli/render/choose.ts";
import { age, duration } from "../../../../cli/render/duration.ts";

const PERSON: Surroundings = {
  output: "text",
  verbose: false,
  stdoutIsTty: true,
  stdinIsTty: true,
  env: {},
  live: true,
};

test("chooseRenderer() gives the live view to a person at a terminal only", () => {
  expect(chooseRenderer(PERSON)).toBe("live");
  expect(chooseRenderer({ ...PERSON, live: false })).toBe("plain");
  expect(chooseRenderer({ ...PERSON, verbose: true })).toBe("plain");
  expect(chooseRenderer({ ...PERSON, stdoutIsTty: false })).toBe("plain");
  expect(chooseRenderer({ ...PERSON, stdinIsTty: false })).toBe("plain");
  expect(chooseRenderer({ ...PERSON, env: { CI: "true" } })).toBe("plain");
  expect(chooseRenderer({ ...PERSON, env: { CI: "false" } })).toBe("live");
  expect(chooseRenderer({ ...PERSON, output: "json" })).toBe("json");
});

test("wantsColor() obeys NO_COLOR", () => {
  expect(wantsColor(true, {})).toBe(true);
  expect(wantsColor(true, { NO_COLOR: "1" })).toBe(false);
  expect(wantsColor(false, {})).toBe(false);
});

test.each([
  [0, "<1s"],
  [999, "<1s"],
  [2_999, "2s"],
  [145_000, "2m 25s"],
])("duration(%p) is %p", (ms, text) => expect(duration(ms)).toBe(text));

test.each([
  [-5, "0s"],
  [59_000, "59s"],
  [180_000, "3m"],
  [7_200_000, "2h"],
  [200_000_000, "2d"],
])("age(%p) is %p", (ms, text) => expect(age(ms)).toBe(text));
