/** The lines that `buildctl --progress=rawjson` writes: `SolveStatus` of BuildKit's client package as JSON. */
import { asArray, asNumber, asString, isObject, member } from "../core/parse.ts";

export interface SolveStatus {
  readonly vertexes: readonly Vertex[];
  readonly logs: readonly VertexLog[];
}

/** One step of the build; sent again with every change. */
export interface Vertex {
  readonly id: string;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly started?: number;
  readonly completed?: number;
  readonly cached: boolean;
  readonly error?: string;
}

export interface VertexLog {
  readonly id: string;
  readonly stream: "stdout" | "stderr";
  /** A piece of output, cut anywhere. */
  readonly bytes: Uint8Array;
}

const STDERR = 2;

/** `undefined` for a line that is no progress: buildctl's own words come on the same output. */
export function parseSolveStatus(line: string): SolveStatus | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    if (!isObject(value)) return undefined;
    return {
      vertexes: asArray(value["vertexes"]).flatMap((vertex) => parseVertex(vertex) ?? []),
      logs: asArray(value["logs"]).flatMap((log) => parseLog(log) ?? []),
    };
  } catch {
    // Not JSON after all, so it is for people.
    return undefined;
  }
}

function parseVertex(value: unknown): Vertex | undefined {
  const id = asString(member(value, "digest"));
  if (id === undefined) return undefined;
  const started = timeOf(member(value, "started"));
  const completed = timeOf(member(value, "completed"));
  const error = asString(member(value, "error"));
  return {
    id,
    name: asString(member(value, "name")) ?? "",
    ...(started === undefined ? {} : { started }),
    ...(completed === undefined ? {} : { completed }),
    cached: member(value, "cached") === true,
    ...(error === undefined || error === "" ? {} : { error }),
  };
}

function parseLog(value: unknown): VertexLog | undefined {
  const id = asString(member(value, "vertex"));
  const data = asString(member(value, "data"));
  if (id === undefined || data === undefined) return undefined;
  const stream = asNumber(member(value, "stream")) === STDERR ? "stderr" : "stdout";
  return { id, stream, bytes: Buffer.from(data, "base64") };
}

function timeOf(value: unknown): number | undefined {
  const time = Date.parse(asString(value) ?? "");
  return Number.isNaN(time) ? undefined : time;
}
