import { expect, test } from "bun:test";
import { redialing } from "../../../../../cli/engine/reach/redial.ts";
import { AzdsError } from "../../../../../core/errors.ts";
import type { ByteStream } from "../../../../../core/wire/byte-stream.ts";
import { memoryPair } from "../../../../fakes/memory-stream.ts";

const NEVER = new AbortController().signal;
const REFUSED = new AzdsError(
  "CONNECTION_LOST",
  "The port-forward broke: dial tcp4 127.0.0.1:80: connect: connection refused",
);

/** Dials that end so, one after another; the far ends of those that are accepted. */
function dials(...outcomes: readonly (Error | "accepted")[]): { dial: () => Promise<ByteStream>; far: ByteStream[] } {
  const far: ByteStream[] = [];
  let count = 0;
  const dial = async (): Promise<ByteStream> => {
    const outcome = outcomes[count] ?? "accepted";
    count += 1;
    const [near, other] = memoryPair();
    if (outcome === "accepted") far.push(other);
    // As a port-forward: it opens, and the refusal shows in the first read.
    else near.abort(outcome);
    return near;
  };
  return { dial, far };
}

async function text(stream: ByteStream): Promise<string> {
  return new TextDecoder().decode(await stream.read());
}

const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);

test("redialing() writes again what a refused dial has swallowed", async () => {
  const { dial, far } = dials(REFUSED, REFUSED, "accepted");
  const stream = await redialing(dial, NEVER);
  const written = stream.write(bytes("GET / "));
  const answer = stream.read();
  await written;
  await stream.write(bytes("HTTP/1.1"));
  expect(await text(far[0] ?? stream)).toBe("GET / ");
  expect(await text(far[0] ?? stream)).toBe("HTTP/1.1");
  await far[0]?.write(bytes("200"));
  expect(new TextDecoder().decode(await answer)).toBe("200");
});

test("redialing() never writes again what an application may have read", async () => {
  const reset = new AzdsError("CONNECTION_LOST", "The port-forward broke: read: connection reset by peer");
  const { dial, far } = dials(reset, "accepted");
  const stream = await redialing(dial, NEVER);
  expect(stream.read()).rejects.toThrow("connection reset by peer");
  expect(far).toEqual([]);
});

test("redialing() has one try for more than it keeps", async () => {
  const { dial, far } = dials(REFUSED, "accepted");
  const stream = await redialing(dial, NEVER);
  await stream.write(new Uint8Array(300_000)).catch(() => undefined);
  expect(stream.read()).rejects.toThrow("connection refused");
  expect(far).toEqual([]);
});

test("redialing() ends with its signal", async () => {
  const stop = new AbortController();
  const { dial } = dials(REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED);
  const stream = await redialing(dial, stop.signal);
  stop.abort();
  expect(stream.read()).rejects.toThrow("connection refused");
});
