/** Logs over a real socket, from an API server that is cut, restarts, and has more than anybody reads. */
import { afterEach, describe, expect, test } from "bun:test";
import type { Event } from "../../../../../cli/engine/events.ts";
import { followLogs, type LogsRequest, showLogs } from "../../../../../cli/engine/logs/logs.ts";
import type { Workload } from "../../../../../cli/engine/pods/workloads.ts";
import { createKubeClient } from "../../../../../core/kube/client.ts";
import { systemClock } from "../../../../../core/host/clock.ts";
import { codeOf } from "../../../core/wire/support.ts";
import { statusResponse, stopServers, withServer } from "../../../core/kube/support.ts";

afterEach(stopServers);

const WEB: Workload = { name: "web", space: "dev", sessions: [], owns: ({ labels }) => labels["app"] === "web" };
const API: Workload = { name: "api", space: "dev", sessions: [], owns: ({ labels }) => labels["app"] === "api" };
const ONCE: LogsRequest = {
  space: "dev",
  workloads: [WEB, API],
  all: false,
  follow: false,
  previous: false,
  sinceSeconds: undefined,
  tail: undefined,
};
const FOLLOW: LogsRequest = { ...ONCE, follow: true };

function pod(name: string, app = name.split("-")[0]): object {
  const names = ["devspaces-proxy", "app"];
  return {
    metadata: { name, uid: name, namespace: "dev", labels: { app }, creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { containers: names.map((each) => ({ name: each, image: "x:1" })) },
    status: { phase: "Running", containerStatuses: names.map((each) => ({ name: each, state: { running: {} } })) },
  };
}

/** `3 x` as the kubelet gives it at second 3. */
function stamped(...lines: readonly string[]): string {
  return lines.map((line) => `2026-01-01T00:00:0${line.split(" ")[0]?.replace(/^(\d)$/, "$1.0")}Z ${line}\n`).join("");
}

interface Server {
  readonly pods: readonly object[];
  /** A body for each request of a log; `turn` counts those of one pod. */
  readonly log: (pod: string, turn: number, query: URLSearchParams) => Response | Promise<Response>;
  readonly watch?: (send: (type: string, object: object) => void) => void;
}

interface Shown {
  readonly events: Event[];
  readonly lines: () => readonly string[];
  readonly urls: string[];
  readonly over: Promise<void>;
  readonly stop: () => void;
}

function show(request: LogsRequest, server: Server, drained: () => Promise<void> = async () => {}): Shown {
  const turns = new Map<string, number>();
  const urls: string[] = [];
  const events: Event[] = [];
  const connection = withServer(({ url }) => {
    const { pathname, searchParams } = new URL(url);
    const name = /\/pods\/([^/]+)\/log$/.exec(pathname)?.[1];
    if (name === undefined) return searchParams.has("watch") ? watchAnswer(server) : podList(server.pods);
    urls.push(`${name} ${searchParams.toString()}`);
    const turn = turns.get(name) ?? 0;
    turns.set(name, turn + 1);
    return server.log(name, turn, searchParams);
  });
  const stop = new AbortController();
  const options = {
    kube: createKubeClient(connection),
    clock: systemClock,
    emit: (event: Event) => void events.push(event),
    drained,
    signal: stop.signal,
  };
  const over = request.follow ? followLogs(request, options) : showLogs(request, options);
  over.catch(() => {});
  const lines = (): readonly string[] =>
    events.flatMap((event) => (event.type === "log" ? [`${event.label}: ${event.text}`] : []));
  return { events, lines, urls, over, stop: () => stop.abort(new Error("stopped")) };
}

function podList(items: readonly object[]): Response {
  return Response.json({ kind: "PodList", metadata: { resourceVersion: "1" }, items });
}

function watchAnswer(server: Server): Response {
  return new Response(
    new ReadableStream({
      start: (controller) =>
        server.watch?.((type, object) =>
          controller.enqueue(new TextEncoder().encode(`${JSON.stringify({ type, object })}\n`)),
        ),
    }),
  );
}

/** A body that stays open after these lines. */
function open(text: string): Response {
  return new Response(
    new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(text)) }),
  );
}

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !holds(); turn += 1) await Bun.sleep(10);
  expect(holds()).toBe(true);
}

describe("showLogs()", () => {
  test("merges the application's containers of both services, and says whose each line is", async () => {
    const shown = show(
      { ...ONCE, tail: 5, sinceSeconds: 60 },
      {
        pods: [pod("web-1"), pod("api-1"), pod("other-1")],
        log: (name) => new Response(name === "web-1" ? stamped("1", "4") : stamped("2", "3")),
      },
    );
    await shown.over;
    expect(shown.lines()).toEqual(["web-1: 1", "api-1: 2", "api-1: 3", "web-1: 4"]);
    expect(shown.events[0]).toEqual({
      type: "log",
      pod: "web-1",
      container: "app",
      stream: "stdout",
      text: "1",
      service: "web",
      label: "web-1",
      time: "2026-01-01T00:00:01.000000000Z",
    });
    expect(shown.urls.toSorted()).toEqual(
      ["api-1", "web-1"].map((name) => `${name} container=app&timestamps=true&sinceSeconds=60&tailLines=5`),
    );
  });

  test("shows what there is and tells what is not; without any log it fails", async () => {
    const waiting = (): Response => statusResponse(400, "BadRequest", "is waiting to start");
    const pods = [pod("web-1"), pod("api-1")];
    const some = show(ONCE, { pods, log: (name) => (name === "web-1" ? new Response(stamped("1")) : waiting()) });
    await some.over;
    expect(some.lines()).toEqual(["web-1: 1"]);
    expect(some.events.at(-1)).toMatchObject({ level: "warning", text: "No log of `api-1`: is waiting to start" });
    expect(await codeOf(show(ONCE, { pods, log: waiting }).over)).toBe("NO_LOG");
    expect(await codeOf(show(ONCE, { pods: [], log: waiting }).over)).toBe("NO_LOG");
  });

  test("passes a refusal on", async () => {
    const shown = show(ONCE, { pods: [pod("web-1")], log: () => statusResponse(403, "Forbidden", "may not") });
    expect(shown.over).rejects.toMatchObject({ status: 403 });
    await shown.over.catch(() => {});
  });

  test("of 100 MB takes no more than what is shown", async () => {
    const portion = new TextEncoder().encode(stamped(`1 ${"x".repeat(1_000)}`).repeat(1_000));
    let sent = 0;
    const shown = show(
      ONCE,
      {
        pods: [pod("web-1")],
        log: () =>
          new Response(
            new ReadableStream({
              pull: (controller) => {
                sent += portion.length;
                if (sent > 100_000_000) controller.close();
                else controller.enqueue(portion);
              },
            }),
          ),
      },
      // Nobody reads what was emitted.
      async () => new Promise(() => {}),
    );
    await until(() => shown.lines().length > 0);
    let before = -1;
    while (sent > before) {
      before = sent;
      await Bun.sleep(200);
    }
    expect(sent).toBeLessThan(30_000_000);
  });
});

describe("followLogs()", () => {
  test("goes on after a cut, each line once, also of the same instant", async () => {
    const shown = show(FOLLOW, {
      pods: [pod("web-1")],
      log: (_, turn) =>
        turn === 0
          ? // The last line is cut in its middle, and the connection with it.
            new Response(
              new ReadableStream({
                start: async (controller) => {
                  controller.enqueue(new TextEncoder().encode(`${stamped("1", "2 a", "2 b")}2026-01-01T00:0`));
                  await Bun.sleep(50);
                  controller.error(new Error("cut"));
                },
              }),
            )
          : open(stamped("2 a", "2 b", "2 c", "3")),
    });
    await until(() => shown.lines().length >= 5);
    shown.stop();
    await shown.over.catch(() => {});
    expect(shown.lines()).toEqual(["1", "2 a", "2 b", "2 c", "3"].map((text) => `web-1: ${text}`));
    expect(shown.urls[1]).toContain("sinceTime=2026-01-01T00%3A00%3A02.000Z");
  });

  test("shows new pods from their start, lets old ones go, and leaves other services out", async () => {
    const tell = Promise.withResolvers<(type: string, object: object) => void>();
    const shown = show(
      { ...FOLLOW, tail: 1 },
      {
        pods: [pod("web-1")],
        watch: tell.resolve,
        log: (name, turn) => {
          if (name === "web-1" && turn > 0) return statusResponse(404, "NotFound", "gone");
          return name === "web-1" ? new Response(stamped("1")) : open(stamped("2"));
        },
      },
    );
    const send = await tell.promise;
    send("DELETED", pod("web-1"));
    send("ADDED", pod("other-1"));
    send("ADDED", pod("api-2"));
    await until(() => shown.lines().includes("api-2: 2"));
    shown.stop();
    await shown.over.catch(() => {});
    expect(shown.lines()).toEqual(["web-1: 1", "api-2: 2"]);
    expect(shown.urls[0]).toContain("tailLines=1");
    expect(shown.urls.find((url) => url.startsWith("api-2"))).not.toContain("tailLines");
  });

  test("keeps the kubelet's words out of the log", async () => {
    const shown = show(FOLLOW, {
      pods: [pod("web-1")],
      log: (_, turn) => (turn < 2 ? new Response("unable to retrieve container logs for x\n") : open(stamped("1"))),
    });
    await until(() => shown.lines().length > 0);
    shown.stop();
    await shown.over.catch(() => {});
    expect(shown.lines()).toEqual(["web-1: 1"]);
    expect(shown.events.filter(({ type }) => type === "message")).toMatchObject([{ level: "verbose" }]);
  });

  test("ends when the right is missing", async () => {
    const shown = show(FOLLOW, { pods: [pod("web-1")], log: () => statusResponse(403, "Forbidden", "may not") });
    expect(shown.over).rejects.toMatchObject({ status: 403 });
    await shown.over.catch(() => {});
  });
});
