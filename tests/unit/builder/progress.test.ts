import { describe, expect, test } from "bun:test";
import { createProgress, type ProgressEvent } from "../../../builder/progress.ts";
import { parseSolveStatus, type SolveStatus, type Vertex } from "../../../builder/solve-status.ts";
import { type Recording, recordedLines } from "./recorded.ts";

async function replay(name: Recording): Promise<{ events: readonly ProgressEvent[]; failedLog: readonly string[] }> {
  const progress = createProgress();
  const statuses = (await recordedLines(name)).flatMap((line) => parseSolveStatus(line) ?? []);
  const events = [...statuses.flatMap(progress.push), ...progress.end()];
  return { events, failedLog: progress.failedLog() };
}

/** Steps and lines in short, without BuildKit's own. */
function told(events: readonly ProgressEvent[]): readonly string[] {
  const names = new Map(events.flatMap((event) => (event.type === "step" ? [[event.id, event.name]] : [])));
  return events.flatMap((event) => {
    const name = names.get(event.id) ?? "";
    if (!/^\[\d/.test(name)) return [];
    return [event.type === "step" ? `${event.state} ${name}` : `${event.stream}: ${event.text}`];
  });
}

const status = (part: Partial<SolveStatus>): SolveStatus => ({ vertexes: [], logs: [], ...part });
const vertex = (part: Partial<Vertex>): Vertex => ({ id: "v", name: "[1/1] RUN x", cached: false, ...part });
const log = (text: string): SolveStatus =>
  status({ logs: [{ id: "v", stream: "stdout", bytes: new TextEncoder().encode(text) }] });

describe("createProgress() on recorded builds", () => {
  test("tells steps with their output between start and end", async () => {
    const { events, failedLog } = await replay("first-build");
    expect(told(events)).toMatchSnapshot();
    expect(failedLog).toEqual([]);
    expect(events.every((event) => event.type === "log" || event.state === "started" || event.ms !== undefined)).toBe(
      true,
    );
  });

  test("says which steps came from the cache", async () => {
    const lines = told((await replay("cached-build")).events);
    expect(lines.filter((line) => line.startsWith("cached"))).toEqual([
      "cached [2/4] WORKDIR /app",
      "cached [3/4] RUN echo one; echo two >&2; echo built > /built",
    ]);
  });

  test("keeps the output of the step that failed", async () => {
    const { events, failedLog } = await replay("failed-run");
    expect(told(events).at(-1)).toMatch(/^failed \[2\/2\] RUN/);
    expect(failedLog).toEqual(["out 1", "out 2", "out 3", "err 1", "err 2", "err 3"]);
  });

  test("does not call steps failed that were cancelled because of another", async () => {
    const { events } = await replay("missing-file");
    const failed = events.filter((event) => event.type === "step" && event.state === "failed");
    expect(failed.length).toBeLessThanOrEqual(1);
    expect(failed.every((event) => event.type === "step" && event.name.includes("COPY"))).toBe(true);
  });
});

describe("createProgress()", () => {
  test("tells each change of a step once", () => {
    const progress = createProgress();
    const started = status({ vertexes: [vertex({ started: 1 })] });
    expect(progress.push(started)).toHaveLength(1);
    expect(progress.push(started)).toEqual([]);
    const done = status({ vertexes: [vertex({ started: 1, completed: 5 })] });
    expect(progress.push(done)).toEqual([{ type: "step", id: "v", name: "[1/1] RUN x", state: "done", ms: 4 }]);
    expect(progress.push(done)).toEqual([]);
  });

  test("joins pieces of output to lines and gives the last one before the step's end", () => {
    const progress = createProgress();
    expect(progress.push(log("one\ntw"))).toEqual([{ type: "log", id: "v", stream: "stdout", text: "one" }]);
    expect(progress.push(log("o"))).toEqual([]);
    const events = progress.push(status({ vertexes: [vertex({ started: 1, completed: 2 })] }));
    expect(events.map((event) => event.type)).toEqual(["log", "step"]);
    expect(events[0]).toMatchObject({ text: "two" });
  });

  test("keeps a bounded number of lines for the error", () => {
    const progress = createProgress();
    for (let i = 0; i < 100; i += 1) progress.push(log(`${i}\n`));
    progress.push(status({ vertexes: [vertex({ started: 1, completed: 2, error: "exit code: 1" })] }));
    expect(progress.failedLog()).toHaveLength(20);
    expect(progress.failedLog().at(-1)).toBe("99");
  });
});

describe("parseSolveStatus()", () => {
  test("leaves buildctl's own words alone", () => {
    for (const line of ["error: failed to solve", "", "{not json", "  3 | >>> RUN x"]) {
      expect(parseSolveStatus(line)).toBeUndefined();
    }
  });

  test("passes over members of other shapes", () => {
    expect(parseSolveStatus('{"vertexes":[1,{"name":"x"}],"logs":[{}],"other":2}')).toEqual({ vertexes: [], logs: [] });
  });
});
