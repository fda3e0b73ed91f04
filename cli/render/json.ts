import type { Event } from "../engine/events.ts";
import { asAnswer, unattendedAnswer } from "./prompt.ts";
import type { Renderer } from "./renderer.ts";

export interface JsonOptions {
  /** Receives whole lines with their line feed. */
  readonly write: (line: string) => void;
  readonly verbose: boolean;
  readonly yes: boolean;
}

/** One JSON object a line, `v` first. A table gives way to the `result` that follows it; without one it is printed itself. */
export function jsonRenderer({ write, verbose, yes }: JsonOptions): Renderer {
  let table: Event | undefined;
  const print = (event: Event): void => write(`${JSON.stringify({ v: 1, ...event })}\n`);
  const settleTable = (): void => {
    if (table !== undefined) print(table);
    table = undefined;
  };
  return {
    emit: (event) => {
      if (event.type === "message" && event.level === "verbose" && !verbose) return;
      if (event.type === "result") table = undefined;
      settleTable();
      if (event.type === "table") table = event;
      else print(event);
    },
    ask: async (question) => asAnswer(question, unattendedAnswer(question, yes)),
    close: async () => settleTable(),
  };
}
