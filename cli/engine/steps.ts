/** Phases with a clock: each is announced, timed and closed, also when it fails. */
import type { Clock } from "../../core/host/clock.ts";
import type { Emit } from "./events.ts";

export type Step = <T>(id: string, text: string, work: () => Promise<T>) => Promise<T>;

export function stepper(emit: Emit, clock: Clock): Step {
  return async (id, text, work) => {
    const start = clock.now();
    emit({ type: "step.started", id, text });
    try {
      const result = await work();
      emit({ type: "step.finished", id, text, ms: clock.now() - start });
      return result;
    } catch (error) {
      emit({ type: "step.failed", id, text, ms: clock.now() - start });
      throw error;
    }
  };
}
