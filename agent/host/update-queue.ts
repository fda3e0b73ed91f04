/** Updates of the running container, one after another; a newer one ends the build commands of those before it. */
import type { UpdateEvent, UpdateRequest } from "../../core/agent-protocol.ts";
import { AzdsError } from "../../core/errors.ts";
import { AGENT_UPDATES_MAX } from "../../core/limits.ts";
import { type BuildOptions, runBuild } from "./build-command.ts";
import { isNamed, killNamed } from "./kill-list.ts";
import { processOf } from "./process-table.ts";
import type { Supervisor } from "./supervisor.ts";

export interface UpdateQueueOptions extends Omit<BuildOptions, "command" | "signal"> {
  readonly supervisor: Supervisor;
  /** A sentence for the container's log. */
  readonly say: (sentence: string) => Promise<void>;
  /** Default AGENT_STOP_MS_MAX. */
  readonly stopMs?: number | undefined;
}

export type EmitUpdate = (event: UpdateEvent) => Promise<void>;

export class UpdateQueue {
  readonly #options: UpdateQueueOptions;
  /** Those that are not done, oldest first. */
  readonly #waiting = new Set<AbortController>();
  #turn: Promise<void> = Promise.resolve();
  #rebuilt = false;

  constructor(options: UpdateQueueOptions) {
    this.#options = options;
  }

  /** Resolves after the last event; a listener that is gone changes nothing. */
  async run(request: UpdateRequest, listener: EmitUpdate): Promise<void> {
    const emit: EmitUpdate = (event) => listener(event).catch(() => {});
    if (this.#waiting.size >= AGENT_UPDATES_MAX)
      return emit(failedBy(new AzdsError("UPDATE_FAILED", "Too many updates wait for one another")));
    await this.#inTurn((superseded) => this.#update(request, emit, superseded));
  }

  /** The build commands have run before the first start. */
  get rebuilt(): boolean {
    return this.#rebuilt;
  }

  /** The application's first start, after build commands. One that fails is told, and the application starts as it is. */
  async start(buildCommands: UpdateRequest["buildCommands"]): Promise<void> {
    const { supervisor } = this.#options;
    if (buildCommands.length === 0) return supervisor.start();
    const work = async (superseded: AbortSignal): Promise<void> => {
      this.#rebuilt = await this.#prepare(buildCommands, superseded);
      if (!supervisor.leaving.aborted) await supervisor.restart();
    };
    await this.#inTurn((superseded) =>
      supervisor.update(
        () => work(superseded),
        () => false,
      ),
    );
  }

  /** What a build made of edits went with the container that had it. False when it could not be made again. */
  async #prepare(buildCommands: UpdateRequest["buildCommands"], superseded: AbortSignal): Promise<boolean> {
    const { supervisor, say } = this.#options;
    const signal = AbortSignal.any([superseded, supervisor.leaving]);
    try {
      for (const command of buildCommands) await runBuild({ ...this.#options, command, signal });
      return true;
    } catch (error) {
      if (supervisor.leaving.aborted) return false;
      if (!(error instanceof AzdsError)) throw error;
      await say(`${error.message}; the application starts with what the image has beside the files that were edited`);
      return false;
    }
  }

  async #inTurn(work: (superseded: AbortSignal) => Promise<void>): Promise<void> {
    for (const older of this.#waiting) older.abort(new AzdsError("UPDATE_FAILED", "Superseded by a newer update"));
    const superseded = new AbortController();
    this.#waiting.add(superseded);
    const before = this.#turn;
    const mine = Promise.withResolvers<void>();
    this.#turn = mine.promise;
    await before;
    try {
      await work(superseded.signal);
    } finally {
      this.#waiting.delete(superseded);
      mine.resolve();
    }
  }

  async #update(request: UpdateRequest, emit: EmitUpdate, superseded: AbortSignal): Promise<void> {
    const started = performance.now();
    const { supervisor } = this.#options;
    const signal = AbortSignal.any([superseded, supervisor.leaving]);
    let last: UpdateEvent | undefined;
    const step = stepper(emit);
    let killed = false;
    const work = async (): Promise<void> => {
      try {
        if (request.processesToKill.length > 0) await step("kill", () => this.#kill(request, () => (killed = true)));
        for (const command of request.buildCommands)
          await step("build", async () => {
            await runBuild({ ...this.#options, command, signal });
            return command.join(" ");
          });
        if (request.restart) await this.#restart(step);
        last = { type: "done", ms: performance.now() - started };
      } catch (error) {
        if (!(error instanceof AzdsError) && !supervisor.leaving.aborted) throw error;
        last = failedBy(error);
      }
    };
    await supervisor.update(work, () => killed);
    if (last !== undefined) await emit(last);
  }

  async #kill({ processesToKill }: UpdateRequest, onApplication: () => void): Promise<string> {
    const { supervisor, clock, stopMs } = this.#options;
    const { pid } = supervisor.application;
    const application = pid === undefined ? undefined : processOf(pid);
    const isApplication = application !== undefined && isNamed(application, processesToKill);
    if (isApplication) onApplication();
    const killed = await killNamed(processesToKill, clock, stopMs);
    if (isApplication) await supervisor.application.ended;
    return killed.map((entry) => `${entry.comm} (${entry.pid})`).join(", ");
  }

  async #restart(step: Step): Promise<void> {
    const { supervisor } = this.#options;
    await step("stop", async () => {
      await supervisor.application.stop();
      return "";
    });
    if (supervisor.leaving.aborted) throw new AzdsError("UPDATE_FAILED", "The container was asked to end");
    await step("start", async () => {
      const why = await supervisor.restart();
      if (why !== undefined) throw new AzdsError("UPDATE_FAILED", `The application ${why}`);
      return String(supervisor.application.pid ?? "");
    });
  }
}

type StepName = Extract<UpdateEvent, { type: "step" }>["name"];
type Step = (name: StepName, work: () => Promise<string>) => Promise<void>;

function stepper(emit: EmitUpdate): Step {
  return async (name, work) => {
    const started = performance.now();
    const text = await work();
    await emit({ type: "step", name, text, ms: performance.now() - started });
  };
}

function failedBy(error: unknown): UpdateEvent {
  if (error instanceof AzdsError) return { type: "failed", code: error.code, message: error.message };
  return { type: "failed", code: "UPDATE_FAILED", message: "The container was asked to end" };
}
