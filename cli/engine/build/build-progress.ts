/** Progress of a build as events, and a word about steps that say nothing: a hanging step must not look like a dead command. */
import type { BuildEvent } from "../../../core/builder-protocol.ts";
import type { Clock } from "../../../core/host/clock.ts";
import { BUILD_LOOK_MS, BUILD_SILENCE_MS } from "../../../core/limits.ts";
import type { Emit } from "../events.ts";

export interface BuildProgress {
  readonly onEvent: (event: BuildEvent) => void;
  /** Stops looking for silent steps. */
  readonly end: () => void;
}

interface Running {
  readonly name: string;
  /** Of its last word, or its start. Milliseconds since the epoch. */
  saidAt: number;
  /** Silence after which it is mentioned. */
  mentionMs: number;
}

const STEP_NAME_CHARS_MAX = 100;

export function followBuild(emit: Emit, clock: Clock): BuildProgress {
  const running = new Map<string, Running>();
  const ended = new AbortController();
  const look = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(BUILD_LOOK_MS, ended.signal);
      for (const step of running.values()) mention(step, clock.now(), emit);
    }
  };
  look().catch(() => undefined);
  const note = (event: BuildEvent): void => {
    if (event.type === "log") {
      const step = running.get(event.id);
      if (step !== undefined) [step.saidAt, step.mentionMs] = [clock.now(), BUILD_SILENCE_MS];
    } else if (event.type === "step") {
      if (event.state !== "started") running.delete(event.id);
      else running.set(event.id, { name: event.name, saidAt: clock.now(), mentionMs: BUILD_SILENCE_MS });
    }
  };
  return {
    onEvent: (event) => {
      note(event);
      show(event, emit);
    },
    end: () => ended.abort(new Error("The build has ended")),
  };
}

/** After 10, 20, 40 … seconds. */
function mention(step: Running, now: number, emit: Emit): void {
  const silentMs = now - step.saidAt;
  if (silentMs < step.mentionMs) return;
  step.mentionMs *= 2;
  const name = step.name.length > STEP_NAME_CHARS_MAX ? `${step.name.slice(0, STEP_NAME_CHARS_MAX)}…` : step.name;
  const text = `\`${name}\` has been running for ${Math.floor(silentMs / 1000)} s without output`;
  emit({ type: "message", level: "info", text });
}

function show(event: BuildEvent, emit: Emit): void {
  switch (event.type) {
    case "step":
      emit({
        type: "build.step",
        id: event.id,
        name: event.name,
        state: event.state,
        ...(event.ms === undefined ? {} : { ms: event.ms }),
      });
      return;
    case "log":
      emit({ type: "build.log", id: event.id, stream: event.stream, text: event.text });
      return;
    case "done":
      emit({ type: "message", level: "verbose", text: `Built \`${event.image}\`` });
      return;
    case "failed":
      // Thrown by the builder client; the renderer shows it once, as the command's failure.
      return;
  }
}
