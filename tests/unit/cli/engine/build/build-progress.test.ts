import { describe, expect, test } from "bun:test";
import { followBuild } from "../../../../../cli/engine/build/build-progress.ts";
import type { Event } from "../../../../../cli/engine/events.ts";
import type { BuildEvent } from "../../../../../core/builder-protocol.ts";
import { manualClock } from "../../../../fakes/clock.ts";

const STEP = { type: "step", id: "a", name: "[1/2] RUN npm ci" } as const;
const LOG: BuildEvent = { type: "log", id: "a", stream: "stdout", text: "added 1" };

describe("followBuild()", () => {
  test("mentions a step that says nothing, ever more rarely, and begins anew after its next word", async () => {
    const clock = manualClock();
    const said: string[] = [];
    const emit = (event: Event): void => void (event.type === "message" && said.push(event.text));
    const progress = followBuild(emit, clock);
    const pass = async (seconds: number): Promise<void> => {
      for (let second = 0; second < seconds; second += 1) await clock.advance(1_000);
    };
    progress.onEvent({ ...STEP, state: "started" });
    await pass(45);
    const line = (seconds: number): string => `\`${STEP.name}\` has been running for ${seconds} s without output`;
    expect(said).toEqual([line(10), line(20), line(40)]);
    progress.onEvent(LOG);
    await pass(11);
    expect(said.slice(3)).toEqual([line(10)]);
    progress.onEvent({ ...STEP, state: "done", ms: 1 });
    await pass(60);
    expect(said).toHaveLength(4);
    progress.end();
  });

  test("passes steps and output on, and leaves a failure to the one who throws it", () => {
    const events: Event[] = [];
    const progress = followBuild((event) => void events.push(event), manualClock());
    progress.onEvent({ ...STEP, state: "cached" });
    progress.onEvent(LOG);
    progress.onEvent({ type: "failed", code: "BUILD_FAILED", message: "x" });
    progress.end();
    expect(events).toEqual([
      { type: "build.step", id: "a", name: STEP.name, state: "cached" },
      { type: "build.log", id: "a", stream: "stdout", text: "added 1" },
    ]);
  });
});
