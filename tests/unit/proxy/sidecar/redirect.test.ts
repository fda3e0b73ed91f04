import { describe, expect, test } from "bun:test";
import { REDIRECT_MS_MAX, REDIRECT_RETRY_MS_MAX } from "../../../../core/limits.ts";
import type { RedirectNote } from "../../../../core/redirect-protocol.ts";
import { keepAsking } from "../../../../proxy/sidecar/redirect.ts";
import { manualClock } from "../../../fakes/clock.ts";

function asking(answers: () => boolean) {
  const clock = manualClock();
  const notes: RedirectNote[] = [];
  const ask = async (): Promise<void> => {
    if (!answers()) throw new Error("nobody is there");
  };
  const tell = async (note: RedirectNote): Promise<void> => void notes.push(note);
  const signal = new AbortController().signal;
  return { clock, notes, redirect: keepAsking({ ask, tell, clock, log: () => {}, signal }) };
}

describe("keepAsking()", () => {
  test("is made with the first yes, of which nobody is told", async () => {
    const { notes, redirect } = asking(() => true);
    expect(redirect.made()).toBeFalse();
    await redirect.done;
    expect(redirect.made()).toBeTrue();
    expect(notes).toEqual([]);
  });

  test("tells once that it is missing, goes on asking, and tells when it has come", async () => {
    let there = false;
    const { clock, notes, redirect } = asking(() => there);
    for (let ms = 0; ms < 4 * REDIRECT_MS_MAX; ms += 100) await clock.advance(100);
    expect(notes).toEqual([{ redirected: false, reason: "nobody is there" }]);
    expect(redirect.made()).toBeFalse();
    there = true;
    await clock.advance(REDIRECT_RETRY_MS_MAX);
    await redirect.done;
    expect(redirect.made()).toBeTrue();
    expect(notes.at(-1)).toEqual({ redirected: true, reason: "" });
  });
});
