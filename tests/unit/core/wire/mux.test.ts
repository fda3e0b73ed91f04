import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { AzdsError } from "../../../../core/errors.ts";
import type { Clock } from "../../../../core/host/clock.ts";
import { MUX_STREAMS_MAX, MUX_WINDOW_BYTES } from "../../../../core/limits.ts";
import type { ByteStream } from "../../../../core/wire/byte-stream.ts";
import { FRAME, type Frame, encodeFrames, frame } from "../../../../core/wire/frame.ts";
import { type Mux, createMux } from "../../../../core/wire/mux.ts";
import { memoryPair } from "../../../fakes/memory-stream.ts";
import { bytesOf, codeOf, readAll } from "./support.ts";

/** Never ticks. */
const STILL: Clock = {
  now: () => 0,
  sleep: (_ms, signal) =>
    new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("Aborted")))),
};

interface Both {
  readonly client: Mux;
  readonly server: Mux;
  /** The streams that the server accepted, by name. */
  readonly accepted: (name: string) => Promise<ByteStream>;
}

function bothSides(carriers = memoryPair()): Both {
  const waiting = new Map<string, PromiseWithResolvers<ByteStream>>();
  const slot = (name: string): PromiseWithResolvers<ByteStream> => {
    const found = waiting.get(name) ?? Promise.withResolvers<ByteStream>();
    waiting.set(name, found);
    return found;
  };
  const client = createMux(carriers[0], { role: "client", clock: STILL });
  const server = createMux(carriers[1], {
    role: "server",
    clock: STILL,
    accept: (name, stream) => slot(name).resolve(stream),
  });
  return { client, server, accepted: (name) => slot(name).promise };
}

/** A server that faces bytes made by hand. */
function facing(accept?: (name: string, stream: ByteStream) => void): { readonly peer: ByteStream; readonly mux: Mux } {
  const [peer, carrier] = memoryPair();
  return {
    peer,
    mux: createMux(carrier, { role: "server", clock: STILL, ...(accept === undefined ? {} : { accept }) }),
  };
}

function open(id: number): Frame {
  return frame(FRAME.open, id, new TextEncoder().encode("x"));
}

function credit(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

async function closedCode(mux: Mux): Promise<string | undefined> {
  const error = await mux.closed;
  return error instanceof AzdsError ? error.code : error?.message;
}

describe("createMux()", () => {
  test("carries each stream's bytes and ends, whatever the interleaving", async () => {
    const plan = fc.record({
      sizes: fc.array(fc.oneof(fc.nat(20), fc.nat(150_000)), { maxLength: 8 }),
      portion: fc.integer({ min: 100, max: 100_000 }),
      carrierPortion: fc.integer({ min: 50, max: 70_000 }),
      pauses: fc.array(fc.nat(2), { maxLength: 10 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ sizes, portion, carrierPortion, pauses }) => {
        const [left, right] = memoryPair();
        const { client, server, accepted } = bothSides([chopped(left, carrierPortion), right]);
        const run = async (size: number, index: number): Promise<void> => {
          const near = client.open(`s${index}`);
          const far = await accepted(`s${index}`);
          const [there, back] = [bytesOf(size, index), bytesOf(size, index + 100)];
          const [gotThere, gotBack] = await Promise.all([
            readSlowly(far, pauses),
            readAll(near),
            write(near, there, portion),
            write(far, back, portion),
          ]);
          expect(Bun.hash(gotThere)).toBe(Bun.hash(there));
          expect(Bun.hash(gotBack)).toBe(Bun.hash(back));
        };
        await Promise.all(sizes.map(run));
        await client.close();
        expect(await server.closed).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  test("an abort on either side breaks both, and no other stream", async () => {
    const step = fc.record({ side: fc.boolean(), bytesBefore: fc.nat(1_500_000), index: fc.nat(5) });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(step, { selector: (each) => each.index, maxLength: 5 }), async (aborts) => {
        const { client, accepted } = bothSides();
        const run = async (index: number): Promise<void> => {
          const near = client.open(`s${index}`);
          const far = await accepted(`s${index}`);
          const abort = aborts.find((each) => each.index === index);
          if (abort === undefined) {
            const [got] = await Promise.all([readAll(far), write(near, bytesOf(200_000, index), 9000)]);
            expect(Bun.hash(got)).toBe(Bun.hash(bytesOf(200_000, index)));
            return;
          }
          const writing = codeOf(write(near, new Uint8Array(abort.bytesBefore), 10_000));
          (abort.side ? near : far).abort(new AzdsError("TIMED_OUT", "long"));
          const peer = abort.side ? far : near;
          expect(await codeOf(readAll(peer))).toBe("TIMED_OUT");
          expect(await codeOf(peer.write(new Uint8Array(1)))).toBe("TIMED_OUT");
          await writing;
        };
        await Promise.all([0, 1, 2, 3, 4, 5].map(run));
        await client.close();
      }),
      { numRuns: 30 },
    );
  });

  test("a reader that does not read stops its writer at the window, and no other stream", async () => {
    const { client, accepted } = bothSides();
    const stuck = client.open("stuck");
    let taken = 0;
    const writing = (async () => {
      for (;;) {
        await stuck.write(new Uint8Array(10_000));
        taken += 10_000;
      }
    })();
    void writing.catch(() => {});
    const free = client.open("free");
    const [got] = await Promise.all([accepted("free").then(readAll), write(free, bytesOf(5_000_000, 1), 50_000)]);
    expect(got.length).toBe(5_000_000);
    expect(taken).toBeLessThanOrEqual(MUX_WINDOW_BYTES);
    await client.close();
    expect(await codeOf(writing)).toBe("CONNECTION_LOST");
  });

  test("a small message does not wait behind a large write", async () => {
    const [left, right] = memoryPair();
    let bytes = 0;
    const counted: ByteStream = {
      ...right,
      read: async () => right.read().then((read) => ((bytes += read?.length ?? 0), read)),
    };
    const { client, accepted } = bothSides([left, counted]);
    const large = client.open("large");
    void large.write(new Uint8Array(MUX_WINDOW_BYTES)).catch(() => {});
    const small = client.open("small");
    void small.write(new Uint8Array(1)).catch(() => {});
    await (await accepted("small")).read();
    expect(bytes).toBeLessThan(MUX_WINDOW_BYTES / 2);
    await client.close();
  });

  test("bytes before an abort of the peer can still be read", async () => {
    const { client, accepted } = bothSides();
    const near = client.open("s");
    await near.write(bytesOf(10, 1));
    const far = await accepted("s");
    near.abort(new AzdsError("BUILD_FAILED", "no"));
    expect(await far.read()).toEqual(bytesOf(10, 1));
    expect(await codeOf(far.read())).toBe("BUILD_FAILED");
  });

  test("the cause of a foreign error stays on its machine", async () => {
    const { client, accepted } = bothSides();
    const near = client.open("s");
    const far = await accepted("s");
    far.abort(new Error("secret"));
    expect(near.read()).rejects.toThrow(/^(?!.*secret)/);
    expect(await codeOf(near.write(new Uint8Array(1)).then(() => near.read()))).toBe("CONNECTION_LOST");
  });

  test("refuses a stream when nothing accepts, and goes on", async () => {
    const { server, client, accepted } = bothSides();
    expect(await codeOf(server.open("unwanted").read())).toBe("PROTOCOL");
    const near = client.open("wanted");
    await near.end();
    expect(await (await accepted("wanted")).read()).toBeUndefined();
  });

  test("gives a broken stream beyond the limit of streams, and room again after one is over", async () => {
    const { client, accepted } = bothSides();
    const streams = Array.from({ length: MUX_STREAMS_MAX }, (_, index) => client.open(`s${index}`));
    expect(await codeOf(client.open("more").read())).toBe("CONNECTION_LOST");
    streams[0]?.abort();
    const again = client.open("again");
    await again.end();
    expect(await (await accepted("again")).read()).toBeUndefined();
  });

  test("close() ends both sides in order and breaks what is open", async () => {
    const { client, server, accepted } = bothSides();
    const near = client.open("s");
    const far = await accepted("s");
    await server.close();
    expect(await client.closed).toBeUndefined();
    expect(await codeOf(near.read())).toBe("CONNECTION_LOST");
    expect(await codeOf(far.read())).toBe("CONNECTION_LOST");
    expect(await codeOf(client.open("late").read())).toBe("CONNECTION_LOST");
  });

  test("a carrier that ends or breaks breaks all streams", async () => {
    for (const cut of [(end: ByteStream) => void end.end(), (end: ByteStream) => end.abort(new Error("cut"))]) {
      const { peer, mux } = facing();
      const stream = mux.open("s");
      cut(peer);
      expect(await codeOf(stream.read())).toBe("CONNECTION_LOST");
      expect(await closedCode(mux)).toBe("CONNECTION_LOST");
    }
  });

  test("a silent carrier is dead after its limit, one that answers is not", async () => {
    const quick: Clock = { now: () => 0, sleep: (_ms, signal) => Bun.sleep(1).then(() => signal?.throwIfAborted()) };
    const [, carrier] = memoryPair();
    const alone = createMux(carrier, { role: "client", clock: quick });
    const stream = alone.open("s");
    expect(await codeOf(stream.read())).toBe("CONNECTION_LOST");
    expect(await closedCode(alone)).toBe("CONNECTION_LOST");

    const carriers = memoryPair();
    const first = createMux(carriers[0], { role: "client", clock: quick });
    const second = createMux(carriers[1], { role: "server", clock: quick });
    await Bun.sleep(100);
    await first.close();
    expect(await second.closed).toBeUndefined();
  });
});

describe("createMux() against a peer that breaks the protocol", () => {
  test.each([
    ["a frame too long", Uint8Array.from([255, 0, 0, 0, 2, 0, 0, 0, 1])],
    ["an unknown type", Uint8Array.from([0, 0, 0, 0, 99, 0, 0, 0, 1])],
    ["a stream of the wrong parity", encodeFrames([open(2)])],
    ["a stream opened twice", encodeFrames([open(3), open(3)])],
    ["stream ids going back", encodeFrames([open(3), open(1)])],
    ["a stream never opened", encodeFrames([frame(FRAME.data, 7, new Uint8Array(1))])],
    ["a stream of ours never opened", encodeFrames([frame(FRAME.fin, 2)])],
    ["data on the connection", encodeFrames([frame(FRAME.data, 0, new Uint8Array(1))])],
    ["data without bytes", encodeFrames([open(1), frame(FRAME.data, 1)])],
    ["data after the end", encodeFrames([open(1), frame(FRAME.fin, 1), frame(FRAME.data, 1, new Uint8Array(1))])],
    ["two ends", encodeFrames([open(1), frame(FRAME.fin, 1), frame(FRAME.fin, 1)])],
    ["credit not owed", encodeFrames([open(1), frame(FRAME.credit, 1, credit(1))])],
    ["credit cut short", encodeFrames([open(1), frame(FRAME.credit, 1, new Uint8Array(3))])],
    [
      "more than the window",
      encodeFrames([open(1), ...Array.from({ length: 17 }, () => frame(FRAME.data, 1, new Uint8Array(65_536)))]),
    ],
    ["too many streams", encodeFrames(Array.from({ length: MUX_STREAMS_MAX + 1 }, (_, index) => open(2 * index + 1)))],
    ["a name too long", encodeFrames([frame(FRAME.open, 1, new Uint8Array(2000))])],
  ])("%s ends the connection with PROTOCOL", async (_name, bytes) => {
    const { peer, mux } = facing(() => {});
    await peer.write(bytes).catch(() => {});
    expect(await closedCode(mux)).toBe("PROTOCOL");
  });

  test("opening refused streams for ever without reading ends the connection", async () => {
    const { peer, mux } = facing();
    const flood = (async () => {
      for (let id = 1; ; id += 2) await peer.write(encodeFrames([open(id)]));
    })();
    void flood.catch(() => {});
    expect(await closedCode(mux)).toBe("PROTOCOL");
    expect(await codeOf(flood)).toBe("CONNECTION_LOST");
  });

  test("late frames of a stream that is over are ignored", async () => {
    const { peer, mux } = facing((_name, stream) => stream.abort());
    await peer.write(
      encodeFrames([open(1), frame(FRAME.data, 1, new Uint8Array(9)), frame(FRAME.fin, 1), frame(FRAME.reset, 1)]),
    );
    await peer.write(encodeFrames([frame(FRAME.close, 0)]));
    await peer.end();
    expect(await mux.closed).toBeUndefined();
  });

  test("any bytes end it in order or with a code, never otherwise", async () => {
    const type = fc.constantFrom(...Object.values(FRAME));
    const parts = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 30 }),
        fc
          .tuple(type, fc.nat(6), fc.uint8Array({ maxLength: 8 }))
          .map(([each, id, payload]) => encodeFrames([frame(each, id, payload)])),
      ),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(parts, async (all) => {
        const { peer, mux } = facing((_name, stream) => void readAll(stream).catch(() => {}));
        mux.open("ours");
        for (const part of all) await peer.write(part).catch(() => {});
        await peer.end().catch(() => {});
        expect([undefined, "PROTOCOL", "CONNECTION_LOST"]).toContain(await closedCode(mux));
      }),
      { numRuns: 300 },
    );
  });
});

function chopped(stream: ByteStream, portion: number): ByteStream {
  return {
    ...stream,
    write: async (bytes) => {
      for (let at = 0; at < bytes.length; at += portion) await stream.write(bytes.subarray(at, at + portion));
    },
  };
}

async function write(stream: ByteStream, bytes: Uint8Array, portion: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += Math.max(portion, 1)) await stream.write(bytes.subarray(at, at + portion));
  await stream.end();
}

async function readSlowly(stream: ByteStream, pauses: readonly number[]): Promise<Uint8Array> {
  for (const pause of pauses) await Bun.sleep(pause);
  return readAll(stream);
}
