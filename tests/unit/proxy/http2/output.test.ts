import { expect, test } from "bun:test";
import { Output } from "../../../../proxy/http2/output.ts";
import { DISCARD, Wire } from "../../../../proxy/tcp/wire.ts";

/** A wire that takes everything, and what it was given, one text a write. */
function taker(): { readonly wire: Wire; readonly writes: string[] } {
  const writes: string[] = [];
  const nothing = (): void => {};
  const socket = { shutdown: nothing, end: nothing, terminate: nothing, pause: nothing, resume: nothing };
  const write = (bytes: Buffer): number => {
    writes.push(bytes.toString("latin1"));
    return bytes.length;
  };
  return { wire: new Wire({ ...socket, write }, DISCARD), writes };
}

test("Output keeps the order of what is copied, passed and written in place, in one write", () => {
  const output = new Output();
  const { wire, writes } = taker();
  const received = Buffer.from(`head${"x".repeat(3000)}tail`);
  output.pass({ bytes: received, from: 0, to: 4 });
  output.reserve(1)[output.offset] = 49;
  output.commit(1);
  output.pass({ bytes: received, from: 4, to: 1004 });
  output.pass({ bytes: received, from: 1004, to: 3004 });
  output.push(Buffer.from("2"));
  output.pass({ bytes: received, from: 3004, to: 3008 });
  // Neither behind the last nor in the same buffer.
  output.pass({ bytes: received, from: 0, to: 4 });
  output.pass({ bytes: Buffer.from("xxxxend"), from: 4, to: 7 });
  output.flush(wire, true);
  expect(writes).toEqual([`head1${"x".repeat(3000)}2tailheadend`]);
  expect(output.empty).toBe(true);
  output.flush(wire, false);
  expect(writes).toHaveLength(1);
});

test("Output passes frames that were received behind one another as they lie", () => {
  const output = new Output();
  const { wire, writes } = taker();
  const received = Buffer.alloc(200_000, "y");
  for (let from = 0; from < received.length; from += 1000) output.pass({ bytes: received, from, to: from + 1000 });
  output.flush(wire, true);
  expect(writes).toEqual([received.toString("latin1")]);
});
