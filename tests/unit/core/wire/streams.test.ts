import { describe, expect, test } from "bun:test";
import net from "node:net";
import tls from "node:tls";
import { AzdsError } from "../../../../core/errors.ts";
import type { ByteStream } from "../../../../core/wire/byte-stream.ts";
import { readLine } from "../../../../core/wire/lines.ts";
import { messageReader, sendMessage } from "../../../../core/wire/messages.ts";
import { pipe } from "../../../../core/wire/pipe.ts";
import { streamOfSocket } from "../../../../core/wire/socket-stream.ts";
import { memoryPair } from "../../../fakes/memory-stream.ts";
import { testCertificate } from "../../../fakes/certificate.ts";
import { bytesOf, codeOf, readAll } from "./support.ts";

type Pair = readonly [ByteStream, ByteStream];

async function socketPair(): Promise<Pair> {
  const accepted = Promise.withResolvers<ByteStream>();
  const server = net.createServer((socket) => accepted.resolve(streamOfSocket(socket)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const socket = net.connect({ host: "127.0.0.1", port });
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  server.close();
  return [streamOfSocket(socket), await accepted.promise];
}

async function tlsPair(): Promise<Pair> {
  const accepted = Promise.withResolvers<ByteStream>();
  const { cert, key } = await testCertificate();
  const server = tls.createServer({ cert, key }, (socket) => accepted.resolve(streamOfSocket(socket)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const socket = tls.connect({ host: "127.0.0.1", port, ca: cert, servername: "localhost" });
  await new Promise<void>((resolve) => socket.once("secureConnect", resolve));
  server.close();
  return [streamOfSocket(socket), await accepted.promise];
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function writeAll(stream: ByteStream, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += 50_000) await stream.write(bytes.subarray(at, at + 50_000));
  await stream.end();
}

/** Code of the error that the reader of a message throws at `bytes`. */
async function messageCode(bytes: readonly number[]): Promise<string | undefined> {
  const [a, b] = memoryPair();
  await a.write(Uint8Array.from(bytes));
  await a.end();
  return codeOf(messageReader(b).next());
}

describe.each([
  ["memoryPair()", () => Promise.resolve(memoryPair())],
  ["streamOfSocket() over TCP", socketPair],
  ["streamOfSocket() over TLS", tlsPair],
] as const)("%s", (_name, makePair) => {
  test("carries 20 MB both ways at once, and each end after all bytes", async () => {
    const [a, b] = await makePair();
    const there = bytesOf(20_000_000, 1);
    const back = bytesOf(20_000_000, 2);
    const [, , gotThere, gotBack] = await Promise.all([writeAll(a, there), writeAll(b, back), readAll(b), readAll(a)]);
    expect(Bun.hash(gotThere)).toBe(Bun.hash(there));
    expect(Bun.hash(gotBack)).toBe(Bun.hash(back));
  });

  test("goes on one way after the end of the other", async () => {
    const [a, b] = await makePair();
    await a.end();
    expect(await b.read()).toBeUndefined();
    await b.write(encode("late"));
    await b.end();
    expect(new TextDecoder().decode(await readAll(a))).toBe("late");
  });

  test("stops a writer whose reader does not read", async () => {
    const [a, b] = await makePair();
    const block = bytesOf(1_000_000, 3);
    let written = 0;
    let blocked = false;
    const writing = (async () => {
      for (; written < 100; written += 1) await a.write(block);
    })();
    void writing.catch(() => {});
    while (!blocked) {
      const before = written;
      await Bun.sleep(100);
      blocked = written === before;
    }
    expect(written).toBeLessThan(50);
    b.abort(new Error("enough"));
    expect(await codeOf(writing)).toBe("CONNECTION_LOST");
  });

  test("abort() with a reason breaks the peer's read", async () => {
    const [a, b] = await makePair();
    a.abort(new Error("mine"));
    expect(await codeOf(b.read())).toBe("CONNECTION_LOST");
    expect(a.read()).rejects.toThrow("mine");
    expect(a.write(new Uint8Array(1))).rejects.toThrow("mine");
  });
});

test("readLine() gives the line and leaves the bytes behind it in the stream", async () => {
  const [a, b] = memoryPair();
  await a.write(encode("hel"));
  await a.write(encode("lo\nmo"));
  await a.write(encode("re"));
  await a.end();
  const { line, rest } = await readLine(b, 100);
  expect(line).toBe("hello");
  expect(new TextDecoder().decode(await readAll(rest))).toBe("more");
});

test("readLine() gives up at the limit and at the end", async () => {
  const [a, b] = memoryPair();
  await a.write(new Uint8Array(200));
  expect(await codeOf(readLine(b, 100))).toBe("PROTOCOL");
  const [c, d] = memoryPair();
  await c.write(encode("no end"));
  await c.end();
  expect(await codeOf(readLine(d, 100))).toBe("CONNECTION_LOST");
});

describe("messageReader()", () => {
  test("gives heads and bodies as they were sent, one byte at a time or many at once", async () => {
    for (const portion of [1, 7, 100_000]) {
      const [a, b] = memoryPair();
      const chopped: ByteStream = {
        ...a,
        write: async (bytes) => {
          for (let at = 0; at < bytes.length; at += portion) await a.write(bytes.subarray(at, at + portion));
        },
      };
      const reader = messageReader(b);
      await sendMessage(chopped, { hello: "wörld" });
      await sendMessage(chopped, [1], bytesOf(1000, 4));
      await chopped.end();
      expect(await reader.next()).toEqual({ head: { hello: "wörld" }, body: new Uint8Array(0) });
      expect((await reader.next())?.body).toEqual(bytesOf(1000, 4));
      expect(await reader.next()).toBeUndefined();
    }
  });

  test("refuses lengths beyond the limits, heads without JSON and a cut message", async () => {
    expect(await messageCode([255, 0, 0, 0, 0, 0, 0, 0])).toBe("PROTOCOL");
    expect(await messageCode([0, 0, 0, 1, 255, 0, 0, 0])).toBe("PROTOCOL");
    expect(await messageCode([0, 0, 0, 1, 0, 0, 0, 0, 65])).toBe("PROTOCOL");
    expect(await messageCode([0, 0, 0, 9, 0, 0, 0, 0, 65])).toBe("CONNECTION_LOST");
    expect(await messageCode([0, 0])).toBe("CONNECTION_LOST");
  });

  test("sendMessage() refuses a body beyond its limit", async () => {
    expect(await codeOf(sendMessage(memoryPair()[0], {}, new Uint8Array(2 ** 20 + 1)))).toBe("PROTOCOL");
  });
});

describe("pipe()", () => {
  test("passes each side's bytes and end on, and resolves after both", async () => {
    const [near, a] = memoryPair();
    const [far, b] = memoryPair();
    const piping = pipe(a, b);
    await near.write(bytesOf(10, 5));
    await near.end();
    expect(await readAll(far)).toEqual(bytesOf(10, 5));
    await far.write(bytesOf(20, 6));
    await far.end();
    expect(await readAll(near)).toEqual(bytesOf(20, 6));
    await piping;
  });

  test("breaks both sides when one breaks", async () => {
    const [near, a] = memoryPair();
    const [far, b] = memoryPair();
    const piping = pipe(a, b);
    near.abort(new AzdsError("TIMED_OUT", "slow"));
    expect(await codeOf(piping)).toBe("CONNECTION_LOST");
    expect(await codeOf(far.read())).toBe("CONNECTION_LOST");
  });
});
