/** Our sockets against Node's, on loopback. */
import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Dial } from "../../../../proxy/tcp/dial.ts";
import { listen } from "../../../../proxy/tcp/listen.ts";
import type { Wire, WireOwner } from "../../../../proxy/tcp/wire.ts";
import { rawServer } from "../raw-peers.ts";

const MEGABYTE = 1024 * 1024;

interface Heard {
  readonly owner: WireOwner;
  readonly events: string[];
  bytes: number;
  error: Error | undefined;
}

function listener(borrows: boolean): Heard {
  const heard: Heard = {
    events: [],
    bytes: 0,
    error: undefined,
    owner: {
      borrows,
      data: (_wire, bytes) => {
        heard.bytes += bytes.length;
      },
      end: () => void heard.events.push("end"),
      drain: () => void heard.events.push("drain"),
      close: (_wire, error) => {
        heard.error = error;
        heard.events.push("close");
      },
    },
  };
  return heard;
}

async function accepted(borrows = false): Promise<{ wire: Wire; client: Socket; heard: Heard }> {
  const heard = listener(borrows);
  const wire = Promise.withResolvers<Wire>();
  const listening = listen({
    hostname: "127.0.0.1",
    port: 0,
    accept: (one) => {
      one.owner = heard.owner;
      wire.resolve(one);
    },
  });
  const client = connect({ port: listening.port, host: "127.0.0.1", allowHalfOpen: true });
  client.on("error", () => {});
  const found = await wire.promise;
  listening.stop();
  return { wire: found, client, heard };
}

async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await Bun.sleep(1);
}

describe("a TCP socket", () => {
  for (const borrows of [false, true]) {
    test(`reads all that comes (${borrows ? "lent" : "kept"})`, async () => {
      const { wire, client, heard } = await accepted(borrows);
      client.end(Buffer.alloc(5 * MEGABYTE));
      await until(() => heard.events.includes("end"));
      expect(heard.bytes).toBe(5 * MEGABYTE);
      wire.close();
      await until(() => heard.events.includes("close"));
      expect(heard.error).toBeUndefined();
    });
  }

  test("keeps what was read as it was", async () => {
    const { wire, client, heard } = await accepted();
    const parts: Buffer[] = [];
    wire.owner = { ...heard.owner, data: (_wire, bytes) => void parts.push(bytes) };
    for (let i = 0; i < 200; i += 1) {
      client.write(Buffer.alloc(1000, i));
      if (i % 10 === 0) await Bun.sleep(1);
    }
    await until(() => parts.reduce((sum, part) => sum + part.length, 0) === 200_000);
    expect(Buffer.concat(parts)).toEqual(Buffer.concat(Array.from({ length: 200 }, (_, i) => Buffer.alloc(1000, i))));
    client.destroy();
  });

  test("reads nothing while it is paused, not even the end", async () => {
    const { wire, client, heard } = await accepted();
    wire.pause();
    client.end("hello");
    await Bun.sleep(20);
    expect([heard.bytes, heard.events]).toEqual([0, []]);
    wire.resume();
    await until(() => heard.events.includes("end"));
    expect(heard.bytes).toBe(5);
    wire.close();
  });

  test("keeps what the peer does not take, and tells when it has", async () => {
    const { wire, client, heard } = await accepted();
    client.pause();
    const sent = Buffer.alloc(16 * MEGABYTE, "x");
    expect(wire.write(sent)).toBe(false);
    expect(wire.backlogged).toBe(true);
    let taken = 0;
    client.on("data", (bytes: Buffer) => {
      taken += bytes.length;
    });
    client.resume();
    await until(() => heard.events.includes("drain"));
    await until(() => taken === sent.length);
    wire.close();
    await once(client, "end");
    client.end();
    expect(wire.closed).toBe(true);
  });

  test("half-closes, and closes when both sides have", async () => {
    const { wire, client, heard } = await accepted();
    const ended = once(client.resume(), "end");
    wire.end();
    await ended;
    expect(wire.closed).toBe(false);
    client.end("the rest");
    await until(() => wire.closed);
    expect(heard.bytes).toBe(8);
    expect(heard.events).toEqual(["end", "close"]);
    expect(heard.error).toBeUndefined();
  });

  test("tells of a reset as an error, also where it is paused", async () => {
    for (const paused of [false, true]) {
      const { wire, client, heard } = await accepted();
      if (paused) wire.pause();
      client.resetAndDestroy();
      await until(() => wire.closed);
      expect(heard.error).toMatchObject({ code: "ECONNRESET" });
    }
  });

  test("tells of a reset behind the peer's end, whether something is written or not", async () => {
    for (const writes of [false, true]) {
      const { wire, client, heard } = await accepted();
      client.end();
      await until(() => heard.events.includes("end"));
      client.resetAndDestroy();
      if (writes) while (!wire.closed && wire.write(Buffer.alloc(MEGABYTE))) await Bun.sleep(1);
      await until(() => wire.closed);
      expect(heard.error).toBeDefined();
    }
  });

  test("breaks the connection when asked to", async () => {
    const { wire, client } = await accepted();
    const broken = new Promise((resolve) => client.resume().once("error", resolve));
    wire.reset();
    expect(await broken).toMatchObject({ code: "ECONNRESET" });
    expect(wire.closed).toBe(true);
  });

  test("reads what the peer said before it broke the connection under our writing", async () => {
    const server = await rawServer((socket) => {
      socket.once("data", () => {
        socket.write("too large");
        setTimeout(() => socket.resetAndDestroy(), 20);
      });
    });
    const heard = listener(false);
    const wire = await dialled(server.port);
    wire.owner = heard.owner;
    const writing = setInterval(() => wire.write(Buffer.alloc(MEGABYTE)), 1);
    await until(() => wire.closed);
    clearInterval(writing);
    expect(heard.bytes).toBe(9);
    expect(heard.error).toBeDefined();
    await server.close();
  });

  test("lets a small answer pass between large ones", async () => {
    const [bulk, small] = [await accepted(true), await accepted(true)];
    bulk.client.write(Buffer.alloc(64 * MEGABYTE));
    await until(() => bulk.heard.bytes > MEGABYTE);
    small.client.write("now");
    await until(() => small.heard.bytes === 3);
    expect(bulk.heard.bytes).toBeLessThan(64 * MEGABYTE);
    bulk.client.destroy();
    small.client.destroy();
  });
});

async function dialled(port: number): Promise<Wire> {
  const { promise, resolve, reject } = Promise.withResolvers<Wire>();
  new Dial({ address: "127.0.0.1", port }).whenSettled((outcome) => {
    if (outcome instanceof Error) reject(outcome);
    else resolve(outcome);
  });
  return promise;
}
