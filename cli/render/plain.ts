import type { Event, StepId } from "../engine/events.ts";
import type { Output } from "../host.ts";
import { wantsColor } from "./choose.ts";
import { duration } from "./duration.ts";
import { paint } from "./paint.ts";
import { linesOf, type Line } from "./plain-lines.ts";
import { asAnswer, parseAnswer, promptText, unattendedAnswer } from "./prompt.ts";
import type { Renderer } from "./renderer.ts";

export interface PlainOptions {
  readonly stdout: Output;
  readonly stderr: Output;
  /** `undefined`: nobody can be asked. */
  readonly readLine: (() => Promise<string | undefined>) | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly verbose: boolean;
  readonly yes: boolean;
}

/** A person who cannot answer after this many tries is left alone. */
const TRIES_MAX = 5;

/** Lines for people, logs and pipes. On a terminal a step shows `text...` at its start and its time at its end. */
export function plainRenderer(options: PlainOptions): Renderer {
  const { stdout, stderr, readLine, env, verbose, yes } = options;
  const styles = {
    stdout: { paint: paint(wantsColor(stdout.isTty, env)), verbose },
    stderr: { paint: paint(wantsColor(stderr.isTty, env)), verbose },
  };
  /** The step whose `text...` stands at the end of the terminal without a line feed. */
  let open: { readonly id: StepId; readonly text: string } | undefined;

  const endOpenLine = (): void => {
    if (open !== undefined) stdout.write("\n");
    open = undefined;
  };
  const print = (line: Line): void => {
    endOpenLine();
    (line.stream === "stdout" ? stdout : stderr).write(`${line.text}\n`);
  };
  const startLine = (event: Extract<Event, { readonly type: "step.started" }>): void => {
    endOpenLine();
    stdout.write(`${event.text}...`);
    open = { id: event.id, text: event.text };
  };
  return {
    emit: (event) => {
      if (event.type === "step.started" && stdout.isTty) return startLine(event);
      if (event.type === "step.finished" && event.id === open?.id && event.text === open.text) {
        open = undefined;
        return stdout.write(`${duration(event.ms)}\n`);
      }
      const style = event.type === "log" ? styles[event.stream] : styles[streamOf(event)];
      return linesOf(event, style).forEach(print);
    },
    ask: async (question) => {
      endOpenLine();
      if (yes || readLine === undefined) return asAnswer(question, unattendedAnswer(question, yes));
      for (let tries = 0; tries < TRIES_MAX; tries += 1) {
        stderr.write(promptText(question));
        const line = await readLine();
        if (line === undefined) break;
        const answer = parseAnswer(question, line);
        if (answer !== undefined) return asAnswer(question, answer);
      }
      stderr.write("\n");
      return asAnswer(question, question.whenUnattended);
    },
    close: async () => endOpenLine(),
  };
}

function streamOf(event: Event): "stdout" | "stderr" {
  const isForStderr =
    event.type === "failed" || event.type === "cause" || (event.type === "message" && event.level !== "info");
  return isForStderr ? "stderr" : "stdout";
}
