/** A wire on a socket that only notes what it is asked. */
import { expect, test } from "bun:test";
import { DISCARD, Wire } from "../../../../proxy/http/wire.ts";

function noted() {
  const calls: string[] = [];
  const note = (name: string) => (): void => void calls.push(name);
  const wire = new Wire(
    {
      write: (bytes) => bytes.length,
      shutdown: note("shutdown"),
      end: note("end"),
      terminate: note("terminate"),
      pause: note("pause"),
      resume: note("resume"),
    },
    DISCARD,
  );
  return { wire, calls };
}

const turn = async (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test("giveWay() lets one wire read with each round of the loop, in order", async () => {
  const [first, second] = [noted(), noted()];
  first.wire.giveWay();
  second.wire.giveWay();
  await turn();
  expect([first.calls, second.calls]).toEqual([["pause", "resume"], ["pause"]]);
  await turn();
  expect(second.calls).toEqual(["pause", "resume"]);
});

test("giveWay() reads on when the loop has been round", async () => {
  const { wire, calls } = noted();
  wire.giveWay();
  wire.giveWay();
  expect(calls).toEqual(["pause"]);
  await turn();
  expect(calls).toEqual(["pause", "resume"]);
});

test("giveWay() leaves a wire paused whose owner pauses it meanwhile", async () => {
  const { wire, calls } = noted();
  wire.giveWay();
  wire.pause();
  await turn();
  expect(calls).toEqual(["pause"]);
  wire.resume();
  expect(calls).toEqual(["pause", "resume"]);
});

test("giveWay() of a paused wire lets its owner's resume wait for the turn", async () => {
  const { wire, calls } = noted();
  wire.pause();
  wire.giveWay();
  wire.resume();
  expect(calls).toEqual(["pause"]);
  await turn();
  expect(calls).toEqual(["pause", "resume"]);
});

test("giveWay() of a wire that closes meanwhile does nothing more", async () => {
  const { wire, calls } = noted();
  wire.giveWay();
  wire.gone(undefined);
  await turn();
  expect(calls).toEqual(["pause"]);
});
