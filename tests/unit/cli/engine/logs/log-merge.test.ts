import { describe, expect, test } from "bun:test";
import { createLogMerge, type LogMerge, type TimedLine } from "../../../../../cli/engine/logs/log-merge.ts";
import { LOG_LANE_BYTES_MAX, LOG_OPEN_MS_MAX, LOG_ORDER_MS } from "../../../../../core/limits.ts";
import { manualClock, settle } from "../../../../fakes/clock.ts";

function line(second: number, text = String(second)): TimedLine {
  return { time: { seconds: second, nanoseconds: 0 }, text };
}

/** Everything that comes out, as it comes. */
function collect(
  merge: LogMerge<string>,
  signal = new AbortController().signal,
): { readonly out: string[]; readonly over: Promise<void> } {
  const out: string[] = [];
  const run = async (): Promise<void> => {
    for await (const { owner, line: each } of merge.lines(signal)) out.push(`${owner}${each.text}`);
  };
  return { out, over: run() };
}

describe("createLogMerge()", () => {
  test("patient: waits for every lane, then gives all in the order of time", async () => {
    const clock = manualClock();
    const merge = createLogMerge<string>(clock, { patient: true });
    const [a, b] = [merge.lane("a"), merge.lane("b")];
    merge.close();
    const { out, over } = collect(merge);
    await a.push([line(1), line(4)]);
    await clock.advance(3_600_000);
    expect(out).toEqual([]);
    await b.push([line(2), line(3)]);
    b.end();
    await settle();
    a.end();
    await over;
    expect(out).toEqual(["a1", "b2", "b3", "a4"]);
  });

  test("following: a quiet lane holds the others for a short while only", async () => {
    const clock = manualClock();
    const merge = createLogMerge<string>(clock, { patient: false });
    const [a, b] = [merge.lane("a"), merge.lane("b")];
    a.opened();
    b.opened();
    const { out } = collect(merge);
    await clock.advance(LOG_ORDER_MS * 10);
    await a.push([line(5)]);
    await clock.advance(LOG_ORDER_MS - 1);
    expect(out).toEqual([]);
    await b.push([line(4)]);
    await settle();
    expect(out).toEqual(["b4"]);
    await clock.advance(LOG_ORDER_MS);
    expect(out).toEqual(["b4", "a5"]);
  });

  test("following: one lane alone waits for nobody", async () => {
    const clock = manualClock();
    const merge = createLogMerge<string>(clock, { patient: false });
    const a = merge.lane("a");
    const { out } = collect(merge);
    await a.push([line(1), line(2)]);
    await settle();
    expect(out).toEqual(["a1", "a2"]);
  });

  test("following: a log that is being opened is waited for longer, but not for ever", async () => {
    const clock = manualClock();
    const merge = createLogMerge<string>(clock, { patient: false });
    const [a] = [merge.lane("a"), merge.lane("b")];
    const { out } = collect(merge);
    await a.push([line(1)]);
    await clock.advance(LOG_OPEN_MS_MAX - 1);
    expect(out).toEqual([]);
    await clock.advance(1);
    expect(out).toEqual(["a1"]);
  });

  test("holds back who pushes more than is taken", async () => {
    const merge = createLogMerge<string>(manualClock(), { patient: true });
    const [a, b] = [merge.lane("a"), merge.lane("b")];
    const { out } = collect(merge);
    let room = false;
    const push = async (): Promise<void> => {
      await a.push([line(1, "x".repeat(LOG_LANE_BYTES_MAX))]);
      room = true;
    };
    const pushed = push();
    await settle();
    expect(room).toBe(false);
    await b.push([line(2)]);
    await settle();
    await pushed;
    expect(out).toHaveLength(1);
  });

  test("ends with its signal", async () => {
    const stop = new AbortController();
    const { over } = collect(createLogMerge<string>(manualClock(), { patient: false }), stop.signal);
    await settle();
    stop.abort(new Error("enough"));
    expect(over).rejects.toThrow("enough");
    await over.catch(() => {});
  });
});
