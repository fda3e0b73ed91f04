import { expect, test } from "bun:test";
import { Bell } from "../../../../controller/reconcile/bell.ts";

const NEVER = new AbortController().signal;
const LONG = 60_000;

test("Bell.wait() resolves at the next ring", async () => {
  const bell = new Bell();
  const waiting = bell.wait(LONG, NEVER);
  bell.ring();
  await waiting;
});

test("Bell remembers rings while nobody waits as one", async () => {
  const bell = new Bell();
  bell.ring();
  bell.ring();
  await bell.wait(LONG, NEVER);
  let woken = false;
  const waiting = (async () => {
    await bell.wait(LONG, NEVER);
    woken = true;
  })();
  await Bun.sleep(5);
  expect(woken).toBe(false);
  bell.ring();
  await waiting;
});

test("Bell.wait() resolves after its time and when the signal is aborted", async () => {
  const bell = new Bell();
  await bell.wait(1, NEVER);
  const stop = new AbortController();
  const waiting = bell.wait(LONG, stop.signal);
  stop.abort();
  await waiting;
  await bell.wait(LONG, stop.signal);
});
