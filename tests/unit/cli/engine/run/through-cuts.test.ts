import { expect, test } from "bun:test";
import type { Event } from "../../../../../cli/engine/events.ts";
import { throughCuts } from "../../../../../cli/engine/run/through-cuts.ts";
import { AzdsError } from "../../../../../core/errors.ts";
import { KubeError } from "../../../../../core/kube/types.ts";
import { CUT_MS_MAX, CUT_RETRY_MS } from "../../../../../core/limits.ts";
import { manualClock } from "../../../../fakes/clock.ts";

const UNREACHABLE = new AzdsError("CLUSTER_UNREACHABLE", "The API server cannot be reached");

interface Trial {
  readonly failures: readonly Error[];
  readonly result: Promise<string>;
  readonly events: Event[];
  readonly clock: ReturnType<typeof manualClock>;
}

/** Fails with each of the failures, then gives `done`. */
function trying(...failures: readonly Error[]): Trial {
  const clock = manualClock();
  const events: Event[] = [];
  const left = [...failures];
  const work = async (): Promise<string> => {
    const failure = left.shift();
    if (failure !== undefined) throw failure;
    return "done";
  };
  const { signal } = new AbortController();
  const result = throughCuts(work, { emit: (event) => events.push(event), clock, signal });
  result.catch(() => undefined);
  return { failures, result, events, clock };
}

test("throughCuts() begins again after cuts of any kind, and says so once", async () => {
  const { result, events, clock } = trying(
    UNREACHABLE,
    new AzdsError("CONNECTION_LOST", "cut"),
    new KubeError(503, "ServiceUnavailable", "starting"),
  );
  await clock.advance(3 * CUT_RETRY_MS);
  expect(await result).toBe("done");
  expect(events.map((event) => ("text" in event ? event.text : ""))).toEqual([
    "The API server cannot be reached: trying again",
  ]);
});

test.each([
  ["a build that failed", new AzdsError("BUILD_FAILED", "exit code 1")],
  ["a refusal", new KubeError(403, "Forbidden", "no")],
  ["a bug", new TypeError("a mistake")],
])("throughCuts() hands on at once what trying again does not mend: %s", async (_, failure) => {
  const { result, events } = trying(failure);
  expect(result).rejects.toBe(failure);
  await result.catch(() => undefined);
  expect(events).toEqual([]);
});

test("throughCuts() gives up after CUT_MS_MAX", async () => {
  const { result, clock } = trying(...Array.from({ length: CUT_MS_MAX / CUT_RETRY_MS + 2 }, () => UNREACHABLE));
  await clock.advance(CUT_MS_MAX + 2 * CUT_RETRY_MS);
  expect(result).rejects.toBe(UNREACHABLE);
  await result.catch(() => undefined);
});
