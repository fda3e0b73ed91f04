import { afterEach, describe, expect, test } from "bun:test";
import type { Clock } from "../../../../core/host/clock.ts";
import { createKubeClient } from "../../../../core/kube/client.ts";
import { KubeError, type WatchEvent } from "../../../../core/kube/types.ts";
import { statusResponse, stopServers, withServer } from "./support.ts";

afterEach(stopServers);

/** Does not wait, but gives others their turn; remembers how long it should have waited. */
function quickClock(pauses: number[] = []): Clock {
  return { now: () => 0, sleep: (ms) => Bun.sleep(1).then(() => void pauses.push(ms)) };
}

interface Step {
  /** What the next request is answered with. */
  readonly answer: (query: URLSearchParams) => Response | Promise<Response>;
}

/** Answers one request after the other as written, then never again; collects what was asked. */
function scripted(steps: readonly Step["answer"][]): {
  readonly connection: ReturnType<typeof withServer>;
  readonly asked: string[];
} {
  const asked: string[] = [];
  const connection = withServer((request) => {
    const query = new URL(request.url).searchParams;
    const step = steps[asked.length];
    asked.push(query.get("watch") === null ? "list" : `watch ${query.get("resourceVersion")}`);
    return step === undefined ? new Promise<Response>(() => {}) : step(query);
  });
  return { connection, asked };
}

function list(version: string, ...names: readonly string[]): Step["answer"] {
  return () =>
    Response.json({ metadata: { resourceVersion: version }, items: names.map((name) => object(name, version)) });
}

function watch(...events: readonly unknown[]): Step["answer"] {
  return () => new Response(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
}

function object(name: string, resourceVersion: string): unknown {
  return { metadata: { name, resourceVersion } };
}

async function collect(
  steps: readonly Step["answer"][],
  count: number,
): Promise<{ readonly events: readonly string[]; readonly asked: readonly string[] }> {
  const { connection, asked } = scripted(steps);
  const abort = new AbortController();
  const events: string[] = [];
  for await (const event of createKubeClient(connection, quickClock()).watch("/things", abort.signal)) {
    events.push(shown(event));
    if (events.length === count) break;
  }
  return { events, asked };
}

function shown(event: WatchEvent): string {
  return "object" in event
    ? `${event.type} ${(event.object as { metadata: { name: string } }).metadata.name}`
    : event.type;
}

describe("watch()", () => {
  test("gives the list, then changes from its version", async () => {
    const { events, asked } = await collect(
      [
        list("5", "a", "b"),
        watch(
          { type: "MODIFIED", object: object("a", "6") },
          { type: "DELETED", object: object("b", "7") },
          { type: "ADDED", object: object("c", "8") },
        ),
      ],
      7,
    );
    expect(events).toEqual(["reset", "added a", "added b", "synced", "modified a", "deleted b", "added c"]);
    expect(asked).toEqual(["list", "watch 5"]);
  });

  test("asks for bookmarks and a time limit, and goes on from a bookmark without telling", async () => {
    const queries: string[] = [];
    const { events, asked } = await collect(
      [
        list("5"),
        (query) => {
          queries.push(`${query.get("allowWatchBookmarks")} ${query.get("timeoutSeconds")}`);
          return watch({ type: "BOOKMARK", object: object("", "90") })(query);
        },
        watch({ type: "ADDED", object: object("a", "91") }),
      ],
      3,
    );
    expect(queries).toEqual(["true 290"]);
    expect(events).toEqual(["reset", "synced", "added a"]);
    expect(asked).toEqual(["list", "watch 5", "watch 90"]);
  });

  test.each([
    [
      "an error event",
      watch({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired", message: "too old" } }),
    ],
    ["an answer", () => statusResponse(410, "Expired", "too old")],
  ])("lists again after 410 as %s", async (_name, gone) => {
    const { events, asked } = await collect([list("5", "a"), gone, list("9", "b")], 6);
    expect(events).toEqual(["reset", "added a", "synced", "reset", "added b", "synced"]);
    expect(asked).toEqual(["list", "watch 5", "list"]);
  });

  test("comes back to where it was after the end, an error or a cut in the middle of a line", async () => {
    const cut = (): Response =>
      new Response(`${JSON.stringify({ type: "ADDED", object: object("a", "6") })}\n{"type":"ADD`);
    const { events, asked } = await collect(
      [
        list("5"),
        watch(),
        () => new Response("oops", { status: 500 }),
        cut,
        watch({ type: "ADDED", object: object("b", "7") }),
      ],
      4,
    );
    expect(events).toEqual(["reset", "synced", "added a", "added b"]);
    expect(asked).toEqual(["list", "watch 5", "watch 5", "watch 5", "watch 6"]);
  });

  test("tries the first list again while the server is busy, with growing pauses", async () => {
    const { connection, asked } = scripted([
      () => statusResponse(503, "ServiceUnavailable", "starting"),
      () => statusResponse(429, "TooManyRequests", "later"),
      () => statusResponse(500, "InternalError", "oops"),
      list("5"),
    ]);
    const pauses: number[] = [];
    for await (const event of createKubeClient(connection, quickClock(pauses)).watch(
      "/things",
      new AbortController().signal,
    )) {
      if (event.type === "synced") break;
    }
    expect(asked.length).toBe(4);
    expect(pauses.map((ms, index) => ms >= 100 * 2 ** index && ms <= 200 * 2 ** index)).toEqual([true, true, true]);
  });

  test.each([
    ["list", [() => statusResponse(403, "Forbidden", "not you")]],
    ["watch", [list("5"), () => statusResponse(403, "Forbidden", "not you")]],
  ])("throws when the first %s is forbidden", async (_name, steps) => {
    const refused = collect(steps, 99);
    expect(refused).rejects.toBeInstanceOf(KubeError);
    await refused.catch(() => {});
  });

  test("a later refusal is only an interruption", async () => {
    const { events } = await collect(
      [
        list("5"),
        watch({ type: "ADDED", object: object("a", "6") }),
        () => statusResponse(401, "Unauthorized", "token"),
        watch({ type: "ADDED", object: object("b", "7") }),
      ],
      4,
    );
    expect(events).toEqual(["reset", "synced", "added a", "added b"]);
  });

  test("ends at the signal, also while nothing happens", async () => {
    const { connection } = scripted([list("5")]);
    const abort = new AbortController();
    const events: string[] = [];
    for await (const event of createKubeClient(connection, quickClock()).watch("/things", abort.signal)) {
      events.push(event.type);
      if (event.type === "synced") setTimeout(() => abort.abort(), 20);
    }
    expect(events).toEqual(["reset", "synced"]);
  });

  test("gives events as they come, in whatever portions", async () => {
    const text = new TextEncoder().encode(`${JSON.stringify({ type: "ADDED", object: object("ü", "6") })}\n`);
    const slow = (): Response =>
      new Response(
        new ReadableStream({
          async start(controller) {
            for (const byte of text) {
              controller.enqueue(Uint8Array.of(byte));
              await Bun.sleep(0);
            }
          },
        }),
      );
    expect((await collect([list("5"), slow], 3)).events).toEqual(["reset", "synced", "added ü"]);
  });
});
