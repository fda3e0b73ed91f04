import { describe, expect, test } from "bun:test";
import { AzdsError } from "../../../core/errors.ts";
import { openBuilder } from "../../../core/host/builder-tunnel.ts";
import type { ByteStream } from "../../../core/wire/byte-stream.ts";
import { messageReader, sendMessage } from "../../../core/wire/messages.ts";
import { createMux, type Mux } from "../../../core/wire/mux.ts";
import { streamOfSocket } from "../../../core/wire/socket-stream.ts";
import { type LoopbackBuilder, startBuilder, tokenOf } from "./loopback-builder.ts";

const REQUEST = {
  session: "azds-abc123",
  image: "web:azds-abc123-1",
  tree: "azds-abc123/0",
  dockerfile: "Dockerfile",
  args: {},
  clean: false,
};
const REFERENCE = "azds.local/dev/web:azds-abc123-1";

async function connect(builder: LoopbackBuilder, token: string): Promise<Mux> {
  const socket = await openBuilder({ builder: builder.address, ca: builder.ca, token });
  return createMux(streamOfSocket(socket), { role: "client" });
}

/** Sends `request` and reads messages to the end. */
async function exchange(mux: Mux, name: string, request: unknown): Promise<readonly unknown[]> {
  const stream = mux.open(name);
  await sendMessage(stream, request);
  return collect(stream);
}

async function collect(stream: ByteStream): Promise<readonly unknown[]> {
  const reader = messageReader(stream);
  const heads: unknown[] = [];
  for (let message = await reader.next(); message !== undefined; message = await reader.next())
    heads.push(message.head);
  return heads;
}

async function failureOf(work: Promise<unknown>): Promise<AzdsError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AzdsError) return error;
    throw error;
  }
  throw new Error("It did not fail");
}

describe("runBuilder()", () => {
  test("builds, tells progress, and lets other connections of the namespace wait for the image", async () => {
    await using builder = await startBuilder({ recording: "first-build", exitCode: 0 });
    const waiter = await connect(builder, tokenOf("dev"));
    const waiting = exchange(waiter, "wait", { images: [REFERENCE] });
    const mux = await connect(builder, tokenOf("dev"));
    const events = await exchange(mux, "build", REQUEST);
    expect(events).toContainEqual(expect.objectContaining({ type: "log", text: "two", stream: "stderr" }));
    expect(events.at(-1)).toMatchObject({ type: "done", image: REFERENCE, config: { user: "1000" } });
    expect(await waiting).toMatchObject([{ images: { [REFERENCE]: { cmd: ["cat a.txt"] } } }]);
    await Promise.all([waiter.close(), mux.close()]);
  });

  test("ends a failed build with its cause and serves the next request", async () => {
    await using builder = await startBuilder({ recording: "unknown-instruction", exitCode: 1 });
    const mux = await connect(builder, tokenOf("dev"));
    expect((await exchange(mux, "build", REQUEST)).at(-1)).toMatchObject({ type: "failed", code: "BUILD_FAILED" });
    expect(await exchange(mux, "status", {})).toMatchObject([{ node: "node-1", version: "1.2.3", buildkit: true }]);
    await mux.close();
  });

  test("makes room on a full disk, says so, and builds once more", async () => {
    await using builder = await startBuilder({ recording: "first-build", exitCode: 0, isFull: true });
    const mux = await connect(builder, tokenOf("dev"));
    const events = await exchange(mux, "build", REQUEST);
    const name = "The disk of the node is full: removing build cache and old sources, then building once more";
    expect(events.slice(0, 2)).toMatchObject([
      { type: "step", name, state: "started" },
      { type: "step", name, state: "done" },
    ]);
    expect(events.at(-1)).toMatchObject({ type: "done", image: REFERENCE });
    await mux.close();
  });

  test("keeps one namespace's trees and images from another", async () => {
    await using builder = await startBuilder({ recording: "first-build", exitCode: 0 });
    const mux = await connect(builder, tokenOf("other"));
    expect(await exchange(mux, "build", REQUEST)).toMatchObject([{ type: "failed", code: "PROTOCOL" }]);
    const foreign = await failureOf(exchange(mux, "wait", { images: [REFERENCE] }));
    expect(foreign.code).toBe("FORBIDDEN");
    await mux.close();
  });

  test("breaks a stream with the reason, and only that one", async () => {
    await using builder = await startBuilder({ recording: "first-build", exitCode: 0 });
    const mux = await connect(builder, tokenOf("dev"));
    const wrong = await failureOf(exchange(mux, "build", { ...REQUEST, dockerfile: "../x" }));
    expect(wrong).toMatchObject({ code: "PROTOCOL", message: "`../x` cannot be the `dockerfile` of a build" });
    expect((await failureOf(exchange(mux, "nothing", {}))).message).toBe("The builder has no stream `nothing`");
    expect(await exchange(mux, "status", {})).toHaveLength(1);
    await mux.close();
  });

  test.each(["wrong", tokenOf("user"), tokenOf("a/../b")])("turns the token %p away", async (token) => {
    await using builder = await startBuilder({ recording: "first-build", exitCode: 0 });
    const refusal = await failureOf(connect(builder, token));
    expect(refusal.message).toContain("token of a pod's service account");
  });
});
