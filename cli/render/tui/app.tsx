import { useInput, useStdout } from "ink";
import { type ReactNode, useEffect, useSyncExternalStore } from "react";
import type { Clock } from "../../../core/host/clock.ts";
import { intentOf } from "./keys.ts";
import type { Store } from "./store.ts";
import { View } from "./view.tsx";

/** One write for all lines of this time: at 5,000 lines a second a write for each costs a whole core. */
const WRITE_EVERY_MS = 50;

export interface AppProps {
  readonly store: Store;
  readonly clock: Clock;
  readonly stop: () => void;
}

export function App({ store, clock, stop }: AppProps): ReactNode {
  const state = useSyncExternalStore(store.subscribe, store.state);
  const { write } = useStdout();
  useEffect(() => {
    const done = new AbortController();
    void writeLines({ store, clock, write }, done.signal);
    return () => done.abort();
  }, [store, clock, write]);
  useInput((input, key) => {
    const intent = intentOf({ input, ...key }, store.state());
    switch (intent.kind) {
      case "stop":
        return stop();
      case "verbose":
        return store.toggleVerbose();
      case "typed":
        return store.type(intent.text);
      case "answer":
        return store.answer(intent.text);
      case "none":
    }
  });
  return <View state={state} />;
}

interface Writing extends Pick<AppProps, "store" | "clock"> {
  readonly write: (text: string) => void;
}

async function writeLines({ store, clock, write }: Writing, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const text = store.takeLines();
    if (text !== "") write(text);
    await clock.sleep(WRITE_EVERY_MS, signal).catch(() => undefined);
  }
}
