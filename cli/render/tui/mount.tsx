import { render } from "ink";
import type { Clock } from "../../../core/host/clock.ts";
import type { Event } from "../../engine/events.ts";
import type { Output } from "../../host.ts";
import { wantsColor } from "../choose.ts";
import { paint } from "../paint.ts";
import { linesOf } from "../plain-lines.ts";
import { asAnswer, unattendedAnswer } from "../prompt.ts";
import type { Renderer } from "../renderer.ts";
import { App } from "./app.tsx";
import { createStore } from "./store.ts";

export interface LiveOptions {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string>>;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly yes: boolean;
  /** Called for `q` and Ctrl+C, which a terminal in raw mode does not turn into a signal. */
  readonly stop: () => void;
}

/** The live view on the process's own terminal. A failure is said below it, after the terminal is restored. */
export function liveRenderer({ clock, env, stdout, stderr, yes, stop }: LiveOptions): Renderer {
  const style = { paint: paint(wantsColor(true, env)), verbose: false };
  const store = createStore(style.paint);
  const failures: Event[] = [];
  const instance = render(<App store={store} clock={clock} stop={stop} />, { exitOnCtrlC: false, patchConsole: false });
  return {
    emit: (event) => {
      if (event.type === "failed") failures.push(event);
      else store.emit(event);
    },
    ask: async (question) => (yes ? asAnswer(question, unattendedAnswer(question, yes)) : store.ask(question)),
    close: async () => {
      instance.unmount();
      await instance.waitUntilExit();
      stdout.write(store.takeLines());
      for (const line of failures.flatMap((event) => linesOf(event, style))) stderr.write(`${line.text}\n`);
    },
  };
}
