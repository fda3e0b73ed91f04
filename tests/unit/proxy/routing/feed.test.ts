import { afterEach, describe, expect, jest, test } from "bun:test";
import * as fc from "fast-check";
import { systemClock } from "../../../../core/host/clock.ts";
import { FEED_CONNECT_MS_MAX } from "../../../../core/limits.ts";
import type { FeedMessage } from "../../../../core/route-table.ts";
import { FeedReader, followFeed } from "../../../../proxy/routing/feed.ts";
import { parseFeedMessage } from "../../../../core/feed-message.ts";
import { testCertificate } from "../../../fakes/certificate.ts";
import { service, snapshot } from "../raw-peers.ts";

const SNAPSHOT = snapshot([
  service({ namespace: "dev", name: "web", ips: ["10.0.0.1"], endpoints: ["10.0.0.2"], pinned: true }),
]);
const REMOVED: FeedMessage = { type: "removed", version: { replica: "a", counter: 2 }, key: "dev/web" };

describe("parseFeedMessage()", () => {
  test("gives back every message as it was written", () => {
    const messages: readonly FeedMessage[] = [
      SNAPSHOT,
      REMOVED,
      { type: "ping" },
      {
        type: "spaces",
        version: { replica: "a", counter: 3 },
        spaces: [{ name: "dev" }, { name: "alice", parent: "dev" }],
      },
      {
        type: "service",
        version: { replica: "a", counter: 4 },
        service: service({ namespace: "dev", name: "db", ports: [{ name: "", port: 1, target: 2, hint: "opaque" }] }),
      },
    ];
    for (const message of messages) expect(parseFeedMessage(JSON.stringify(message))).toEqual(message);
  });

  test("leaves out what it does not know", () => {
    for (const text of ['{"type":"later","version":{"replica":"a","counter":1}}', '{"type":"snapshot"}', "null", "[]"])
      expect(parseFeedMessage(text)).toBeUndefined();
  });
});

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

function read(text: string): () => void {
  return () => new FeedReader(() => {}).read(Buffer.from(text));
}

describe("FeedReader", () => {
  const lines = `${JSON.stringify(SNAPSHOT)}\n{"type":"ping"}\n${JSON.stringify(REMOVED)}\n`;
  const answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(lines.slice(0, 30))}${chunk(lines.slice(30))}`;

  test("reads the same messages however the answer is split", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(answer.length), { maxLength: 8 }), (positions) => {
        const seen: FeedMessage[] = [];
        const reader = new FeedReader((message) => seen.push(message));
        const bytes = Buffer.from(answer);
        let from = 0;
        for (const to of [...positions.toSorted((a, b) => a - b), bytes.length]) {
          reader.read(bytes.subarray(from, to));
          from = to;
        }
        expect(seen).toEqual([SNAPSHOT, { type: "ping" }, REMOVED]);
      }),
    );
  });

  test("refuses an answer that is no feed", () => {
    expect(read("HTTP/1.1 403 Forbidden\r\n\r\n")).toThrow("The controller answered 403");
    expect(read("SSH-2.0\n")).toThrow("does not speak HTTP");
    expect(read("HTTP/1.1 200 OK\r\n\r\nno json\n")).toThrow("not valid JSON");
  });
});

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

async function controller(answer: (request: Request, attempt: number) => Response) {
  const { cert, key } = await testCertificate();
  let attempts = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { cert, key },
    fetch: (request) => {
      attempts += 1;
      return answer(request, attempts);
    },
  });
  const stop = new AbortController();
  cleanup.push(
    () => stop.abort(),
    () => server.stop(true),
  );
  return { address: "127.0.0.1", port: server.port ?? 0, ca: cert, stop };
}

function endless(...messages: readonly FeedMessage[]): Response {
  const body = new ReadableStream<Uint8Array>({
    start: (stream) => {
      for (const message of messages) stream.enqueue(Buffer.from(`${JSON.stringify(message)}\n`));
    },
  });
  return new Response(body);
}

describe("followFeed()", () => {
  test("comes back with a fresh token after the feed ended, and after a change it cannot use", async () => {
    const requests: string[] = [];
    const at = await controller((request, attempt) => {
      requests.push(`${new URL(request.url).pathname} ${request.headers.get("authorization")}`);
      if (attempt === 1) return new Response(`${JSON.stringify(REMOVED)}\n`);
      return endless(SNAPSHOT, ...(attempt === 2 ? [{ ...REMOVED, version: { replica: "b", counter: 1 } }] : []));
    });
    const third = Promise.withResolvers<void>();
    let tokens = 0;
    let snapshots = 0;
    const followed = followFeed({
      controller: { address: at.address, port: at.port, serverName: "localhost" },
      ca: at.ca,
      token: async () => `token-${(tokens += 1)}\n`,
      apply: (message) => {
        if (message.type === "snapshot" && (snapshots += 1) === 2) third.resolve();
        return message.type === "snapshot";
      },
      clock: { ...systemClock, sleep: async (_ms, signal) => signal?.throwIfAborted() },
      log: () => {},
      signal: at.stop.signal,
    });
    await third.promise;
    at.stop.abort();
    await followed;
    expect(requests).toEqual(["/v1/routes Bearer token-1", "/v1/routes Bearer token-2", "/v1/routes Bearer token-3"]);
  });

  test("gives up a connection that nobody answers, and dials again", async () => {
    // As an address whose pod has gone: the dial succeeds or hangs, and then there is silence.
    const dialled = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    let dials = 0;
    const silent = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { open: () => dialled[(dials += 1) - 1]?.resolve(), data: () => {} },
    });
    const stop = new AbortController();
    cleanup.push(
      () => stop.abort(),
      () => silent.stop(true),
      () => jest.useRealTimers(),
    );
    const { cert } = await testCertificate();
    const errors: unknown[] = [];
    jest.useFakeTimers();
    const followed = followFeed({
      controller: { address: "127.0.0.1", port: silent.port, serverName: "localhost" },
      ca: cert,
      token: async () => "secret",
      apply: () => true,
      clock: { ...systemClock, sleep: async (_ms, signal) => signal?.throwIfAborted() },
      log: (_level, _message, fields) => errors.push(fields?.["error"]),
      signal: stop.signal,
    });
    await dialled[0].promise;
    jest.advanceTimersByTime(FEED_CONNECT_MS_MAX);
    await dialled[1].promise;
    stop.abort();
    await followed;
    expect(errors).toEqual(["The controller does not answer"]);
  });

  test("trusts only the name and the authority it was told", async () => {
    const at = await controller(() => endless(SNAPSHOT));
    const { cert: other } = await testCertificate();
    for (const [serverName, ca] of [
      ["azds-controller.azds.svc", at.ca],
      ["localhost", other],
    ] as const) {
      const refused = Promise.withResolvers<unknown>();
      const stop = new AbortController();
      const followed = followFeed({
        controller: { address: at.address, port: at.port, serverName },
        ca,
        token: async () => "secret",
        apply: () => {
          throw new Error("Must not be reached");
        },
        clock: systemClock,
        log: (_level, _message, fields) => refused.resolve(fields?.["error"]),
        signal: stop.signal,
      });
      expect(String(await refused.promise)).not.toContain("Must not be reached");
      stop.abort();
      await followed;
    }
  });
});
