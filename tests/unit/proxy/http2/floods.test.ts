/** What a client may do without use to anybody, and what cuts it off. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  HTTP2_CONTINUATIONS_MAX,
  HTTP2_IDLE_FRAMES_MAX,
  HTTP2_RESETS_MAX,
  HTTP2_STREAM_WINDOW_BYTES,
  HTTP2_STREAMS_MAX,
  HTTP2_WINDOW_BYTES,
} from "../../../../core/limits.ts";
import { FLAG, FRAME, frame, SETTING, settingsFrame, windowUpdateFrame } from "../../../../proxy/http2/frame.ts";
import { acceptOutbound } from "../../../../proxy/sidecar/outbound.ts";
import { front, pod, redirected } from "../raw-peers.ts";
import { block, frameClient, type FrameClient, headers, REQUEST } from "./frame-client.ts";
import { http2Server, type Http2ServerOptions } from "./http2-peers.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).toReversed()) await undo();
});

async function client(options: Http2ServerOptions = {}, settings?: Buffer) {
  const server = await http2Server("hello", options);
  const of = pod(server);
  const listening = front(redirected(acceptOutbound(of)));
  const made = await frameClient(listening.port, settings);
  cleanup.push(server.close, listening.stop, made.close);
  return { client: made, server };
}

const POST = REQUEST.map(([name, value]) => [name, name === ":method" ? "POST" : value] as const);
const EMPTY = Buffer.alloc(0);
const reset = (id: number): Buffer => frame({ type: FRAME.resetStream, flags: 0, id }, Buffer.from([0, 0, 0, 8]));
const data = (id: number, content: Buffer): Buffer => frame({ type: FRAME.data, flags: 0, id }, content);
const repeated = (count: number, make: (index: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));

async function answered(of: FrameClient, id: number): Promise<void> {
  await of.until((received) => received.id === id && (received.flags & FLAG.endStream) !== 0);
}

describe("A client is cut off with ENHANCE_YOUR_CALM", () => {
  const ping = frame({ type: FRAME.ping, flags: 0, id: 0 }, Buffer.alloc(8));
  const idle: readonly (readonly [string, Buffer])[] = [
    ["PING", ping],
    ["acknowledged PING", frame({ type: FRAME.ping, flags: FLAG.ack, id: 0 }, Buffer.alloc(8))],
    ["SETTINGS", settingsFrame([[SETTING.initialWindowSize, 65_535]])],
    ["PRIORITY", frame({ type: FRAME.priority, flags: 0, id: 3 }, Buffer.alloc(5))],
    ["frames of unknown types", frame({ type: 99, flags: 0, id: 0 }, EMPTY)],
    ["WINDOW_UPDATE of the connection", windowUpdateFrame(0, 1)],
    ["WINDOW_UPDATE of a stream", windowUpdateFrame(1, 1)],
    ["empty DATA", data(1, EMPTY)],
  ];
  for (const [what, flood] of idle)
    test(`at a flood of ${what}`, async () => {
      const { client: attacker } = await client({ silent: true });
      attacker.send(
        headers(1, POST, false),
        repeated(HTTP2_IDLE_FRAMES_MAX * 2, () => flood),
      );
      expect(await attacker.goneAway()).toBe("enhanceYourCalm");
    });

  test("at rapid resets", async () => {
    const { client: attacker } = await client({ silent: true });
    attacker.send(repeated(HTTP2_RESETS_MAX * 2, (i) => Buffer.concat([headers(i * 2 + 1), reset(i * 2 + 1)])));
    expect(await attacker.goneAway()).toBe("enhanceYourCalm");
  });

  test("at streams that it makes the proxy reset", async () => {
    const { client: attacker } = await client({ silent: true });
    attacker.send(
      repeated(HTTP2_RESETS_MAX * 2, (i) => Buffer.concat([headers(i * 2 + 1), windowUpdateFrame(i * 2 + 1, 0)])),
    );
    expect(await attacker.goneAway()).toBe("enhanceYourCalm");
  });

  test("at header blocks without end, however small their pieces", async () => {
    for (const piece of [EMPTY, Buffer.alloc(1), Buffer.alloc(16_000)]) {
      const { client: attacker } = await client();
      const open = frame({ type: FRAME.headers, flags: 0, id: 1 }, block(REQUEST));
      const more = frame({ type: FRAME.continuation, flags: 0, id: 1 }, piece);
      attacker.send(
        open,
        repeated(HTTP2_CONTINUATIONS_MAX + 1, () => more),
      );
      expect(await attacker.goneAway()).toBe("enhanceYourCalm");
    }
  });
});

describe("A client is told of its error", () => {
  test("FLOW_CONTROL_ERROR when it sends beyond a stream's window", async () => {
    const { client: attacker } = await client({ silent: true });
    const frames = Math.ceil((HTTP2_STREAM_WINDOW_BYTES * 2) / 16_384) + 1;
    attacker.send(
      headers(1, POST, false),
      repeated(frames, () => data(1, Buffer.alloc(16_384))),
    );
    const { payload } = await attacker.until(({ type, id }) => type === FRAME.resetStream && id === 1);
    expect(payload.readUInt32BE(0)).toBe(3);
  });

  test("FLOW_CONTROL_ERROR when it sends beyond the connection's window", async () => {
    const { client: attacker } = await client({ stalled: true });
    const streams = Array.from({ length: 20 }, (_, i) => i * 2 + 1);
    const content = Buffer.alloc(16_384);
    const perStream = HTTP2_STREAM_WINDOW_BYTES / content.length;
    attacker.send(...streams.map((id) => headers(id, POST, false)));
    for (let i = 0; i < perStream; i += 1) attacker.send(...streams.map((id) => data(id, content)));
    for (;;) {
      const update = attacker.received.filter(({ type, id }) => type === FRAME.windowUpdate && id === 0);
      const granted = update.reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 65_535);
      const gone = attacker.received.some(({ type }) => type === FRAME.goAway);
      // Held bytes earn credit up to a bound: either all of it fitted, or it was cut off.
      if (gone || granted >= HTTP2_WINDOW_BYTES * 4) break;
      await Bun.sleep(5);
    }
    // What the server took meanwhile has earned credit, but not a second window for each stream.
    for (let i = 0; i < perStream; i += 1) attacker.send(...streams.map((id) => data(id, content)));
    await attacker.until(({ type }) => type === FRAME.goAway || type === FRAME.resetStream);
  });

  test("431 for a header list that unpacks to more than it may", async () => {
    const { client: attacker, server } = await client();
    const entry = Buffer.concat([
      Buffer.from([0x40, 1, 0x78, 0x7f, 0xff - 0x80 + 0x80, 0x1d]),
      Buffer.alloc(3_966, 97),
    ]);
    // One field of nearly the table's size, and then its index 10,000 times.
    const bomb = Buffer.concat([block(REQUEST), entry, Buffer.alloc(10_000, 0x80 | 62)]);
    attacker.send(frame({ type: FRAME.headers, flags: FLAG.endHeaders | FLAG.endStream, id: 1 }, bomb));
    await answered(attacker, 1);
    expect(server.requests).toHaveLength(0);
    attacker.send(headers(3));
    await answered(attacker, 3);
    expect(server.requests).toHaveLength(1);
  });

  test("REFUSED_STREAM beyond the streams it may open", async () => {
    const { client: attacker } = await client({ silent: true });
    attacker.send(repeated(HTTP2_STREAMS_MAX + 1, (i) => headers(i * 2 + 1)));
    const { id, payload } = await attacker.until(({ type }) => type === FRAME.resetStream);
    expect(id).toBe(HTTP2_STREAMS_MAX * 2 + 1);
    expect(payload.readUInt32BE(0)).toBe(7);
  });
});

test("A client that takes nothing makes the proxy read no more than a window of each answer", async () => {
  const bulk = 8_000_000;
  const closed = settingsFrame([[SETTING.initialWindowSize, 0]]);
  const { client: slow, server } = await client({ bulk }, closed);
  slow.send(headers(1), headers(3));
  await slow.until(({ type, id }) => type === FRAME.headers && id === 3);
  await Bun.sleep(100);
  for (const unsent of server.unsent()) expect(unsent).toBeGreaterThan(bulk - HTTP2_STREAM_WINDOW_BYTES * 2);
  expect(slow.received.some(({ type }) => type === FRAME.data)).toBeFalse();
});

test("Work earns frames that carry nothing: peers measure bandwidth with PINGs", async () => {
  const { client: busy } = await client();
  const ping = frame({ type: FRAME.ping, flags: 0, id: 0 }, Buffer.alloc(8));
  for (let i = 0; i < 1_500; i += 1) {
    busy.send(headers(i * 2 + 1), ping);
    if (i % 100 === 99) await answered(busy, i * 2 + 1);
  }
  expect(busy.received.some(({ type }) => type === FRAME.goAway)).toBeFalse();
});
