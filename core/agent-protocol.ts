/**
 * Between the CLI and the agent of a session's container, on `PORT.agent` by port-forward: the multiplexed wire of
 * core/wire, whose streams the CLI opens by name, each carrying messages of core/wire/messages.ts.
 *
 * `output` one `OutputChunk` (core/output.ts) of whole lines per message: what is still there, then what comes
 * `state`  one `AgentState` now and after each change. While somebody has such a stream open, an application that ends
 *          does not end its container: it is held for the next update
 * `sync`   the sync protocol of core/sync; its tree is `SYNC_TREE`, the folder that `AgentState.target` names
 * `sync-for-update` as `sync`, of files that take effect when an update follows: from a change on the container is
 *          `AgentState.behind` its files, until its application was started again, whoever asks for that
 * `sync-back` files of the same folder on their way to the developer's machine: core/sync/back.ts
 * `probe`  one `ProbeAnswer`, then its end. The sidecar asks while the application fails a liveness or startup probe;
 *          nobody counts as attached by it
 * `update` one `UpdateRequest`, answered by `UpdateEvent`s; the last is `done` or `failed`
 */
import { AzdsError, type ErrorCode, isErrorCode } from "./errors.ts";
import { asArray, asNumber, asString, at, member } from "./parse.ts";

export const AGENT_STREAM = {
  output: "output",
  state: "state",
  sync: "sync",
  syncForUpdate: "sync-for-update",
  syncBack: "sync-back",
  probe: "probe",
  update: "update",
} as const;

/** The only tree of an agent's sync stream. */
export const SYNC_TREE = "container/files";

export interface AgentState {
  /** Of azds. */
  readonly version: string;
  /** Absolute folder in the container in which synced files land. */
  readonly target: string;
  /** Why nothing can be written there, in words; absent where it can. */
  readonly refusal?: string;
  /** A volume over the target would do away with the refusal. */
  readonly volumeHelps?: boolean;
  /** Of the synced tree; changes with every commit, and is another one after a restart of the agent. */
  readonly revision: string;
  /** The application was started before files came that it has to be started again for. */
  readonly behind: boolean;
  /** Files were put back before the application's first start, and the build commands have run over them. */
  readonly rebuilt: boolean;
  readonly process: ProcessState;
}

export interface ProbeAnswer {
  /** The kubelet should leave the container alone although its application does not answer. */
  readonly answer: boolean;
  /** For people, in words: what the application is doing. */
  readonly why: string;
}

export type ProcessState =
  | { readonly kind: "starting" }
  /** `run` counts the starts of the application by this agent, from 1. */
  | { readonly kind: "running"; readonly run: number; readonly pid: number }
  /** An update is at work. */
  | { readonly kind: "updating" }
  /** It is not to be started: somebody runs what is wanted by `azds exec`. */
  | { readonly kind: "awaiting" }
  /** It ended by itself, or could not be started, and waits for the next update. */
  | { readonly kind: "ended"; readonly run: number; readonly code: number };

/** In this order: end the named processes, run the build commands, then end the application and start it again. */
export interface UpdateRequest {
  /** Names of programs, as `/proc/<pid>/comm` or the last segment of their path shows them. */
  readonly processesToKill: readonly string[];
  /** Run one after another in the working directory of the application; the first that fails ends the update. */
  readonly buildCommands: readonly (readonly string[])[];
  /** False: the application runs on. */
  readonly restart: boolean;
}

export type UpdateEvent =
  | {
      readonly type: "step";
      readonly name: "kill" | "build" | "stop" | "start";
      readonly text: string;
      readonly ms: number;
    }
  | { readonly type: "done"; readonly ms: number }
  /** The application is as it was before the update, unless `processesToKill` names it. */
  | { readonly type: "failed"; readonly code: ErrorCode; readonly message: string };

/** @throws AzdsError PROTOCOL */
export function parseAgentState(value: unknown): AgentState {
  const refusal = asString(member(value, "refusal"));
  return {
    version: asString(member(value, "version")) ?? "",
    target: asString(member(value, "target")) ?? "/",
    ...(refusal === undefined ? {} : { refusal, volumeHelps: member(value, "volumeHelps") === true }),
    revision: asString(member(value, "revision")) ?? "",
    behind: member(value, "behind") === true,
    rebuilt: member(value, "rebuilt") === true,
    process: parseProcess(member(value, "process")),
  };
}

/** Whatever is no clear yes is a no. */
export function parseProbeAnswer(value: unknown): ProbeAnswer {
  return { answer: member(value, "answer") === true, why: asString(member(value, "why")) ?? "" };
}

/** @throws AzdsError PROTOCOL */
export function parseUpdateRequest(value: unknown): UpdateRequest {
  return {
    processesToKill: words(member(value, "processesToKill")),
    buildCommands: asArray(member(value, "buildCommands")).map(words),
    restart: member(value, "restart") === true,
  };
}

const STEP_NAMES = ["kill", "build", "stop", "start"] as const;

/** @throws AzdsError PROTOCOL */
export function parseUpdateEvent(value: unknown): UpdateEvent {
  const ms = asNumber(at(value, "ms")) ?? 0;
  switch (at(value, "type")) {
    case "step": {
      const name = STEP_NAMES.find((known) => known === at(value, "name"));
      if (name === undefined) break;
      return { type: "step", name, text: asString(at(value, "text")) ?? "", ms };
    }
    case "done":
      return { type: "done", ms };
    case "failed": {
      const code = asString(at(value, "code")) ?? "";
      return {
        type: "failed",
        code: isErrorCode(code) ? code : "UPDATE_FAILED",
        message: asString(at(value, "message")) ?? "",
      };
    }
  }
  throw unknownMessage();
}

function parseProcess(value: unknown): ProcessState {
  const run = asNumber(member(value, "run")) ?? 0;
  switch (member(value, "kind")) {
    case "starting":
      return { kind: "starting" };
    case "running":
      return { kind: "running", run, pid: asNumber(member(value, "pid")) ?? 0 };
    case "updating":
      return { kind: "updating" };
    case "awaiting":
      return { kind: "awaiting" };
    case "ended":
      return { kind: "ended", run, code: asNumber(member(value, "code")) ?? 0 };
    default:
      throw unknownMessage();
  }
}

function words(value: unknown): readonly string[] {
  return asArray(value).flatMap((word) => asString(word) ?? []);
}

function unknownMessage(): AzdsError {
  return new AzdsError("PROTOCOL", "The agent sent a message that this version of azds does not know");
}
