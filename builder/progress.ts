/** From BuildKit's progress to the events that clients get. Holds state between lines, does no I/O. */
import type { BuildEvent } from "../core/builder-protocol.ts";
import { BUILD_FAILURE_LOG_LINES_MAX, BUILD_LOG_LINE_BYTES_MAX } from "../core/limits.ts";
import { createLineSplitter, type LineSplitter } from "../core/output.ts";
import type { SolveStatus, Vertex, VertexLog } from "./solve-status.ts";

export type ProgressEvent = Extract<BuildEvent, { readonly type: "step" | "log" }>;
type StepState = Extract<BuildEvent, { readonly type: "step" }>["state"];

export interface Progress {
  readonly push: (status: SolveStatus) => readonly ProgressEvent[];
  /** Last lines that wait for their line end. */
  readonly end: () => readonly ProgressEvent[];
  /** What the step that failed wrote last; empty when none failed. */
  readonly failedLog: () => readonly string[];
}

/** Steps that BuildKit ends because another one failed. */
const CANCELED = "context canceled";

interface Step {
  /** Of the last event. BuildKit repeats itself, and takes steps up again after their end. */
  state: StepState | undefined;
  readonly splitters: Map<VertexLog["stream"], LineSplitter>;
  readonly tail: string[];
}

export function createProgress(): Progress {
  const steps = new Map<string, Step>();

  const stepOf = (id: string): Step => {
    const known = steps.get(id) ?? { state: undefined, splitters: new Map(), tail: [] };
    steps.set(id, known);
    return known;
  };

  const logEvents = (id: string, stream: VertexLog["stream"], lines: readonly string[]): readonly ProgressEvent[] => {
    const { tail } = stepOf(id);
    tail.push(...lines);
    tail.splice(0, tail.length - BUILD_FAILURE_LOG_LINES_MAX);
    return lines.map((text) => ({ type: "log", id, stream, text }));
  };

  const pushLog = ({ id, stream, bytes }: VertexLog): readonly ProgressEvent[] => {
    const { splitters } = stepOf(id);
    const splitter = splitters.get(stream) ?? createLineSplitter(BUILD_LOG_LINE_BYTES_MAX);
    splitters.set(stream, splitter);
    return logEvents(id, stream, splitter.push(bytes));
  };

  const endLog = (id: string): readonly ProgressEvent[] =>
    [...stepOf(id).splitters].flatMap(([stream, splitter]) => logEvents(id, stream, splitter.end()));

  const pushVertex = (vertex: Vertex): readonly ProgressEvent[] => {
    const state = stateOf(vertex);
    const step = stepOf(vertex.id);
    if (state === undefined || state === step.state) return [];
    step.state = state;
    const { id, name, started, completed } = vertex;
    const ms = started === undefined || completed === undefined ? {} : { ms: completed - started };
    return [...(completed === undefined ? [] : endLog(id)), { type: "step", id, name, state, ...ms }];
  };

  return {
    push: ({ vertexes, logs }) => [...logs.flatMap(pushLog), ...vertexes.flatMap(pushVertex)],
    end: () => [...steps.keys()].flatMap(endLog),
    failedLog: () => [...steps.values()].find((step) => step.state === "failed")?.tail ?? [],
  };
}

function stateOf(vertex: Vertex): StepState | undefined {
  if (vertex.error !== undefined) return vertex.error.includes(CANCELED) ? undefined : "failed";
  if (vertex.cached) return "cached";
  if (vertex.completed !== undefined) return "done";
  return vertex.started === undefined ? undefined : "started";
}
