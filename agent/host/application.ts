/** The developer's process: started, started again, and ended with all that it started. */
import type { Clock } from "../../core/host/clock.ts";
import { AGENT_STOP_MS_MAX } from "../../core/limits.ts";
import { type LaunchOptions, launch } from "./launch.ts";
import type { Child } from "./process.ts";
import { endGroup } from "./process-group.ts";

export interface ApplicationOptions extends Omit<LaunchOptions, "stdin"> {
  readonly clock: Clock;
  /** A sentence for the container's log: why nothing was started. */
  readonly say: (sentence: string) => Promise<void>;
  /** The process has ended by whatever cause, or could not be started (126, 127); its last output was taken. */
  readonly onEnd: (code: number) => void;
  /** Default AGENT_STOP_MS_MAX. */
  readonly stopMs?: number | undefined;
}

export class Application {
  readonly #options: ApplicationOptions;
  #runs = 0;
  #child: Child | undefined;
  /** The last process: its group may outlive it. */
  #last: Child | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: ApplicationOptions) {
    this.#options = options;
  }

  /** Starts so far. */
  get runs(): number {
    return this.#runs;
  }

  /** Of the running process. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The last process is over and its output was taken. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Why it could not be started, in words. */
  async start(): Promise<string | undefined> {
    const { command, say, onEnd } = this.#options;
    this.#runs += 1;
    const launched = await launch(this.#options);
    if ("refused" in launched) {
      const sentence = `cannot start \`${command.join(" ")}\`: ${launched.refused.reason}`;
      await say(sentence);
      onEnd(launched.refused.exitCode);
      return sentence;
    }
    this.#child = this.#last = launched.child;
    this.#ended = this.#watch(launched.child);
    return undefined;
  }

  /** False when nothing runs. */
  signal(name: NodeJS.Signals): boolean {
    this.#child?.signal(name);
    return this.#child !== undefined;
  }

  /** Also ends what an earlier end left behind in its group. */
  async stop(): Promise<void> {
    if (this.#last === undefined) return;
    await endGroup(this.#last, this.#options.clock, this.#options.stopMs ?? AGENT_STOP_MS_MAX);
    this.#last = undefined;
    await this.#ended;
  }

  async #watch(child: Child): Promise<void> {
    const code = await child.exited;
    await child.drain(this.#options.clock);
    this.#child = undefined;
    this.#options.onEnd(code);
  }
}
