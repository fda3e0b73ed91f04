/** What every action gets: the host, the way to speak, and the settings that all commands share. */
import type { Ask, Emit } from "./engine/events.ts";
import type { Host } from "./host.ts";

export interface Globals {
  /** `--kubeconfig`, else `KUBECONFIG`, else `~/.kube/config`; undefined: the default search. */
  readonly kubeconfig: string | undefined;
  /** `--context`: kubeconfig context; undefined: the current one. */
  readonly context: string | undefined;
  /** `-o/--output`. */
  readonly output: "text" | "json";
  readonly verbose: boolean;
  /** `-y/--yes`: no question is asked. */
  readonly yes: boolean;
}

export interface Context {
  readonly host: Host;
  readonly globals: Globals;
  readonly emit: Emit;
  readonly ask: Ask;
  /** Aborted when the user wants to stop. */
  readonly signal: AbortSignal;
}
