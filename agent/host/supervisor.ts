/** The life of the container: it ends with its application, unless somebody who can mend the application is there. */
import { constants } from "node:os";
import type { ProcessState } from "../../core/agent-protocol.ts";
import { AGENT_HOLD_GRACE_MS } from "../../core/limits.ts";
import { Application, type ApplicationOptions } from "./application.ts";

export interface SuperviseOptions extends Omit<ApplicationOptions, "onEnd"> {
  /** Whether a client keeps the container when its application has ended. */
  readonly hold: boolean;
  /** A client is about to come: the time for which it is waited begins now. */
  readonly attended?: boolean | undefined;
  /** The application is never started, and the container stays until it is asked to end. */
  readonly awaitExec?: boolean | undefined;
  /** Default AGENT_HOLD_GRACE_MS. */
  readonly graceMs?: number | undefined;
  /** After each change of `state`. */
  readonly onState: (state: ProcessState) => void;
}

/** Runtimes and images choose among these to ask a container to end. */
const FAREWELLS: ReadonlySet<NodeJS.Signals> = new Set(["SIGTERM", "SIGINT", "SIGQUIT"]);

export class Supervisor {
  readonly application: Application;
  readonly #options: SuperviseOptions;
  readonly #finished = Promise.withResolvers<number>();
  readonly #leaving = new AbortController();
  #state: ProcessState = { kind: "starting" };
  #clients = 0;
  #lastClientAt: number;
  #updating = false;
  #behind = false;
  /** Code of the application's end, while it does not run. */
  #code: number | undefined;

  constructor(options: SuperviseOptions) {
    this.#options = options;
    this.#lastClientAt = options.attended === true ? options.clock.now() : -Infinity;
    this.application = new Application({ ...options, onEnd: (code) => this.#ended(code) });
  }

  get state(): ProcessState {
    return this.#state;
  }

  /** Files came that the application has to be started again for. */
  get isBehind(): boolean {
    return this.#behind;
  }

  /** Exit code of the container: the application's own, or 126 or 127 when it could not be started. */
  get finished(): Promise<number> {
    return this.#finished.promise;
  }

  /** Aborted once the container was asked to end. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  async start(): Promise<void> {
    if (this.#options.awaitExec !== true) await this.application.start();
    this.#settle();
  }

  /** What the container got from outside is the application's. */
  readonly signal = (name: NodeJS.Signals): void => {
    if (FAREWELLS.has(name)) this.#leaving.abort();
    if (this.application.signal(name) || !this.leaving.aborted) return;
    this.#finished.resolve(this.#code ?? 128 + constants.signals[name]);
  };

  /** A client is there, until the answer is called. */
  join(): () => void {
    this.#clients += 1;
    return () => {
      this.#clients -= 1;
      this.#lastClientAt = this.#options.clock.now();
      if (this.#state.kind === "ended") void this.#leaveWhenAlone(this.#state);
    };
  }

  /**
   * While `work` is done, the application's end is part of it.
   * @param endsApplication tells afterwards whether `work` meant it to be over
   */
  async update(work: () => Promise<void>, endsApplication: () => boolean): Promise<void> {
    this.#updating = true;
    this.#become({ kind: "updating" });
    try {
      await work();
    } finally {
      this.#updating = false;
      this.#settle(endsApplication());
    }
  }

  /** Until the next start of the application. */
  fallBehind(): void {
    this.#behind = true;
    this.#options.onState(this.#state);
  }

  /** Starts the application; why it could not be, in words. */
  async restart(): Promise<string | undefined> {
    this.#code = undefined;
    this.#behind = false;
    if (this.#options.awaitExec === true) return undefined;
    return this.application.start();
  }

  #ended(code: number): void {
    this.#code = code;
    if (this.leaving.aborted) this.#finished.resolve(code);
    else if (this.#state.kind === "running" && !this.#updating) this.#settle();
  }

  /** @param onPurpose an update ended the application and did not start it again */
  #settle(onPurpose = false): void {
    const { pid, runs: run } = this.application;
    if (pid !== undefined) return this.#become({ kind: "running", run, pid });
    if (this.#options.awaitExec === true) return this.#become({ kind: "awaiting" });
    const code = this.#code ?? 0;
    if (!this.#options.hold && !onPurpose) return this.#finished.resolve(code);
    const state = { kind: "ended", run, code } as const;
    this.#become(state);
    void this.#leaveWhenAlone(state);
  }

  async #leaveWhenAlone(state: Extract<ProcessState, { kind: "ended" }>): Promise<void> {
    const { clock, graceMs = AGENT_HOLD_GRACE_MS } = this.#options;
    while (this.#state === state && this.#clients === 0) {
      const left = this.#lastClientAt + graceMs - clock.now();
      if (left <= 0) return this.#finished.resolve(state.code);
      await clock.sleep(left);
    }
  }

  #become(state: ProcessState): void {
    this.#state = state;
    this.#options.onState(state);
  }
}
