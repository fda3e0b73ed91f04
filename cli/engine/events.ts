/**
 * Everything a command can tell the outside, as plain data: safe to print as JSON and to replay in a test.
 * Engine and actions emit; renderers show. Nothing else writes to the terminal.
 */
import type { ErrorCode } from "../../core/errors.ts";
import type { RequestTrace, ResponseTrace } from "../../core/trace.ts";

export type StepId = string;

/** `project`: the service that it belongs to, where a command works on several. */
export type Event = EventBody & { readonly project?: string };

/**
 * One HTTP message that passed a pod's sidecar. `id` is three letters that all exchanges share which one request
 * caused, as far as trace headers tell.
 */
export interface TraceEvent {
  readonly type: "trace";
  readonly phase: "request" | "response";
  readonly id: string;
  readonly pod: string;
  readonly namespace: string;
  readonly service: string;
  readonly request: RequestTrace;
  readonly response?: ResponseTrace;
  /** For people: the line, and what stands below it. */
  readonly text: string;
  readonly details: readonly string[];
}

type EventBody =
  /** A line for people. `verbose` shows with `-v` only. */
  | { readonly type: "message"; readonly level: "info" | "warning" | "verbose"; readonly text: string }
  /** A phase with a clock: `Installing Helm chart...2s`. `text` has no dots of its own. */
  | { readonly type: "step.started"; readonly id: StepId; readonly text: string }
  | { readonly type: "step.finished"; readonly id: StepId; readonly text: string; readonly ms: number }
  | { readonly type: "step.failed"; readonly id: StepId; readonly text: string; readonly ms: number }
  /** One line of a preflight. */
  | {
      readonly type: "check";
      readonly name: string;
      readonly status: "ok" | "warning" | "failed";
      readonly text: string;
    }
  | { readonly type: "table"; readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] }
  /** Data of a listing command: what `-o json` prints in place of the table before it. */
  | { readonly type: "result"; readonly name: string; readonly data: unknown }
  | {
      readonly type: "build.step";
      readonly id: string;
      readonly name: string;
      readonly state: "started" | "cached" | "done" | "failed";
      readonly ms?: number;
    }
  | { readonly type: "build.log"; readonly id: string; readonly stream: "stdout" | "stderr"; readonly text: string }
  /** An address of a service. `text` is the whole sentence for people. */
  | {
      readonly type: "url";
      readonly service: string;
      readonly url: string;
      readonly status: "available" | "pending" | "forwarded";
      readonly text: string;
    }
  /** One line of an application's output, without its line feed. */
  | {
      readonly type: "log";
      readonly pod: string;
      readonly container: string;
      readonly stream: "stdout" | "stderr";
      readonly text: string;
      /** Whose pod it is, where several may be shown; they differ in colour. */
      readonly service?: string;
      /** What stands before the line for people; default: the pod. */
      readonly label?: string;
      /** When it was said, as the node has it; RFC 3339. */
      readonly time?: string;
    }
  /**
   * A save that was brought into the running containers. `stages` in milliseconds, in their order: `settle` until the save
   * was complete, `read`, `send` until the slowest container had it, `update` until the application was started again.
   */
  | {
      readonly type: "update";
      readonly kind: "copy" | "restart";
      readonly path: string;
      readonly rule: string;
      readonly files: number;
      readonly bytes: number;
      readonly pods: number;
      /** The pod that was last; empty where there is one. */
      readonly slowest: string;
      readonly ms: number;
      readonly stages: Readonly<Record<string, number>>;
      readonly text: string;
    }
  | TraceEvent
  /** Why a pod does not run, from its status and events. */
  | { readonly type: "cause"; readonly pod: string; readonly reason: string; readonly text: string }
  | { readonly type: "failed"; readonly code: ErrorCode | "BUG"; readonly message: string; readonly hint: string };

export type Emit = (event: Event) => void;

/** A question always carries the answer to use when nobody can be asked. */
export type Question =
  | {
      readonly kind: "confirm";
      readonly id: string;
      readonly text: string;
      readonly whenEmpty: boolean;
      readonly whenUnattended: boolean;
    }
  /** `choices` are numbered from `first`; `freeText` allows a new name. The answer is a choice or the typed name. */
  | {
      readonly kind: "choose";
      readonly id: string;
      readonly text: string;
      readonly choices: readonly string[];
      /** Number of the first choice: 1, or 0 where the first is `<none>`. */
      readonly first: 0 | 1;
      readonly prompt: string;
      readonly freeText: boolean;
      readonly whenEmpty: string;
      readonly whenUnattended: string;
    };

export type Answer<Q extends Question> = Q extends { readonly kind: "confirm" } ? boolean : string;
export type Ask = <Q extends Question>(question: Q) => Promise<Answer<Q>>;
