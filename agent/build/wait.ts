/** Asks the node's builder for the pod's images, as often as it takes: a failed build leaves us waiting for the next. */
import { type ImageConfigs, parseImageConfig } from "../../core/build-config.ts";
import type { WaitRequest } from "../../core/builder-protocol.ts";
import { AzdsError } from "../../core/errors.ts";
import type { Clock } from "../../core/host/clock.ts";
import type { Log } from "../../core/host/log.ts";
import { RECONNECT_MS_MAX, RECONNECT_MS_MIN } from "../../core/limits.ts";
import { asString, at, expectObject, member } from "../../core/parse.ts";
import type { ByteStream } from "../../core/wire/byte-stream.ts";
import { messageReader, sendMessage } from "../../core/wire/messages.ts";
import { createMux } from "../../core/wire/mux.ts";

export interface WaitOptions {
  readonly images: readonly string[];
  /** A connection that the builder has welcomed. */
  readonly connect: () => Promise<ByteStream>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Resolves when all images are on the node; rejects with the signal's reason. */
export async function waitForImages(options: WaitOptions): Promise<ImageConfigs> {
  const { images, connect, clock, log, signal } = options;
  let delay = RECONNECT_MS_MIN;
  let lastReason = "";
  for (;;) {
    signal.throwIfAborted();
    try {
      const carrier = await connect();
      delay = RECONNECT_MS_MIN;
      lastReason = "";
      log("info", "Waiting for the builder to have the images", { images });
      return await ask(carrier, options);
    } catch (error) {
      signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== lastReason) log("warn", "The builder does not answer; trying again", { reason });
      lastReason = reason;
    }
    await clock.sleep(delay, signal);
    delay = Math.min(delay * 2, RECONNECT_MS_MAX);
  }
}

async function ask(carrier: ByteStream, { images, log, signal }: WaitOptions): Promise<ImageConfigs> {
  const mux = createMux(carrier, { role: "client" });
  const leave = (): void => carrier.abort();
  signal.addEventListener("abort", leave, { once: true });
  try {
    const stream = mux.open("wait");
    const request: WaitRequest = { images, news: true };
    await sendMessage(stream, request);
    const reader = messageReader(stream);
    for (;;) {
      const head = (await reader.next())?.head;
      const news = asString(at(head, "news"));
      if (news === undefined) return parseAnswer(head, images);
      log("info", news);
    }
  } finally {
    signal.removeEventListener("abort", leave);
    carrier.abort();
  }
}

/** @throws AzdsError PROTOCOL when the answer lacks an image */
function parseAnswer(value: unknown, images: readonly string[]): ImageConfigs {
  const place = { code: "PROTOCOL", path: "answer of the builder" } as const;
  const configs = expectObject(member(value, "images"), place);
  const missing = images.find((image) => configs[image] === undefined);
  if (missing !== undefined) throw new AzdsError("PROTOCOL", `The builder's answer lacks the image \`${missing}\``);
  return Object.fromEntries(images.map((image) => [image, parseImageConfig(configs[image])]));
}
