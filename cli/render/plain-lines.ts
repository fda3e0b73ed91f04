/** What each event looks like as lines of text; steps are the renderers' own. */
import { isGrpcError, isGrpcFault } from "../../core/grpc-status.ts";
import type { Event } from "../engine/events.ts";
import { duration } from "./duration.ts";
import type { Paint } from "./paint.ts";
import { tableLines } from "./table.ts";

export interface Line {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

export interface LineStyle {
  readonly paint: Paint;
  readonly verbose: boolean;
}

type EventOf<T extends Event["type"]> = Extract<Event, { readonly type: T }>;

const CHECK_STATUS_COLUMNS = 9;
const CHECK_NAME_COLUMNS = 24;

export function linesOf(event: Event, style: LineStyle): readonly Line[] {
  const { paint } = style;
  switch (event.type) {
    case "message":
      return messageLines(event, style);
    case "step.started":
      return [];
    case "step.finished":
      return [stdout(`${event.text}...${duration(event.ms)}`)];
    case "step.failed":
      return [stdout(`${event.text}...${paint.red(`failed after ${duration(event.ms)}`)}`)];
    case "check":
      return [stdout(checkLine(event, paint))];
    case "table":
      return tableLines(event.columns, event.rows).map(stdout);
    case "result":
      return [];
    case "build.step":
      return buildStepLines(event, style);
    case "build.log":
      return [stdout(paint.dim(`    ${event.text}`))];
    case "url":
      return [stdout(event.text)];
    case "update":
      return [stdout(event.text)];
    case "log":
      return [{ stream: event.stream, text: logLine(event, paint) }];
    case "trace":
      return [traceLine(event, paint), ...event.details.map((line) => paint.dim(`    ${line}`))].map(stdout);
    case "cause":
      return [stderr(`${event.pod}: ${paint.yellow(event.reason)}: ${event.text}`)];
    case "failed":
      return failureLines(event, paint);
  }
}

function messageLines(event: EventOf<"message">, { paint, verbose }: LineStyle): readonly Line[] {
  switch (event.level) {
    case "info":
      return [stdout(event.text)];
    case "warning":
      return [stderr(`${paint.yellow("warning")}: ${event.text}`)];
    case "verbose":
      return verbose ? [stderr(paint.dim(event.text))] : [];
  }
}

function checkLine(event: EventOf<"check">, paint: Paint): string {
  const status = event.status.padEnd(CHECK_STATUS_COLUMNS);
  const colored = { ok: status, warning: paint.yellow(status), failed: paint.red(status) }[event.status];
  return `${colored}${event.name.padEnd(CHECK_NAME_COLUMNS)}${event.text}`.trimEnd();
}

function buildStepLines(event: EventOf<"build.step">, { paint, verbose }: LineStyle): readonly Line[] {
  // BuildKit's own preparations say nothing to the author of a Dockerfile, unless one fails.
  if (!verbose && event.state !== "failed" && event.name.startsWith("[internal]")) return [];
  switch (event.state) {
    case "started":
      return [stdout(`  ${event.name}`)];
    case "cached":
      return [stdout(`  ${event.name} ${paint.dim("(cached)")}`)];
    case "done":
      return verbose ? [stdout(paint.dim(`  ${event.name} (${duration(event.ms ?? 0)})`))] : [];
    case "failed":
      return [stdout(`  ${event.name} ${paint.red("(failed)")}`)];
  }
}

/** Both streams keep their own file descriptor; on a terminal, where they meet, the colour of the text tells them apart. */
function logLine(event: EventOf<"log">, paint: Paint): string {
  const text = event.stream === "stderr" ? paint.red(event.text) : event.text;
  return `${paint.keyed(event.service ?? event.pod, event.label ?? event.pod)}: ${text}`;
}

/** Answers that tell of a failure stand out. */
function traceLine({ text, response }: EventOf<"trace">, paint: Paint): string {
  if (response === undefined) return paint.dim(text);
  const { status, grpcStatus } = response;
  if (status === 0 || status >= 500 || isGrpcFault(grpcStatus)) return paint.red(text);
  return status >= 400 || isGrpcError(grpcStatus) ? paint.yellow(text) : text;
}

function failureLines(event: EventOf<"failed">, paint: Paint): readonly Line[] {
  const head = `${paint.red("error")}[${event.code}]: ${event.message}`;
  return event.hint === ""
    ? [stderr(head)]
    : [stderr(head), stderr(""), stderr(`${paint.bold("hint")}: ${event.hint}`)];
}

function stdout(text: string): Line {
  return { stream: "stdout", text };
}

function stderr(text: string): Line {
  return { stream: "stderr", text };
}
