import { expect, test } from "bun:test";
import type { Event } from "../../../../../cli/engine/events.ts";
import { Requirements } from "../../../../../cli/engine/run/requirements.ts";

const NEVER = new AbortController().signal;
const RUNS: Event = { type: "result", name: "up", data: {} };

test("a service begins when all that it requires run, and no sooner", async () => {
  const requirements = new Requirements(["web", "api", "db"]);
  let begun = false;
  const waiting = requirements.wait(["api", "db"], NEVER).then(() => (begun = true));
  const told: Event[] = [];
  requirements.telling("api", (event) => told.push(event))(RUNS);
  await Bun.sleep(0);
  expect([begun, told]).toEqual([false, [RUNS]]);
  requirements.telling("db", () => undefined)(RUNS);
  await waiting;
  await requirements.wait([], NEVER);
});

test("one whose requirement failed does not begin, nor does one that is stopped", async () => {
  const requirements = new Requirements(["web", "api"]);
  requirements.failed("api");
  expect(await requirements.wait(["api"], NEVER).catch((error: unknown) => error)).toMatchObject({
    code: "REQUIRED_NOT_UP",
    message: "`api`, which it requires, did not come up; it was not touched",
  });
  const stopped = new Error("stopped");
  expect(await requirements.wait(["web"], AbortSignal.abort(stopped)).catch((error: unknown) => error)).toBe(stopped);
});
