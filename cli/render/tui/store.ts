/** The state and the lines on their way to the scrollback, outside React so that an event costs no render of its own. */
import type { Answer, Event, Question } from "../../engine/events.ts";
import type { Paint } from "../paint.ts";
import { linesOf } from "../plain-lines.ts";
import { asAnswer, parseAnswer } from "../prompt.ts";
import { INITIAL_STATE, isScrolled, type LiveState, reduce } from "./state.ts";

/** Lines that wait for the next write; beyond it the oldest are dropped and counted. */
const WAITING_LINES_MAX = 10_000;

export interface Store {
  readonly state: () => LiveState;
  readonly subscribe: (listener: () => void) => () => void;
  readonly emit: (event: Event) => void;
  readonly ask: <Q extends Question>(question: Q) => Promise<Answer<Q>>;
  readonly toggleVerbose: () => void;
  readonly type: (text: string) => void;
  /** Takes the text as the answer, when it is one. */
  readonly answer: (text: string) => void;
  /** The waiting lines as one text, each with its line feed; empty when none waits. */
  readonly takeLines: () => string;
}

export function createStore(paint: Paint): Store {
  let state = INITIAL_STATE;
  let waiting: string[] = [];
  let dropped = 0;
  let settle: ((answer: string | boolean) => void) | undefined;
  const listeners = new Set<() => void>();

  const set = (next: LiveState): void => {
    if (next === state) return;
    state = next;
    for (const listener of listeners) listener();
  };
  return {
    state: () => state,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    emit: (event) => {
      set(reduce(state, event));
      if (!isScrolled(event, state)) return;
      waiting.push(...linesOf(event, { paint, verbose: state.verbose }).map(({ text }) => text));
      const surplus = waiting.length - WAITING_LINES_MAX;
      if (surplus <= 0) return;
      waiting = waiting.slice(surplus);
      dropped += surplus;
    },
    ask: async (question) => {
      const answer = await new Promise<string | boolean>((resolve) => {
        settle = resolve;
        set({ ...state, question: { question, typed: "" } });
      });
      return asAnswer(question, answer);
    },
    toggleVerbose: () => set({ ...state, verbose: !state.verbose }),
    type: (text) => {
      if (state.question !== undefined) set({ ...state, question: { ...state.question, typed: text } });
    },
    answer: (text) => {
      if (state.question === undefined) return;
      const { question } = state.question;
      const answer = parseAnswer(question, text);
      set({ ...state, question: answer === undefined ? { question, typed: "" } : undefined });
      if (answer !== undefined) settle?.(answer);
    },
    takeLines: () => {
      const head = dropped === 0 ? [] : [paint.dim(`${dropped} lines were dropped`)];
      const lines = [...head, ...waiting];
      waiting = [];
      dropped = 0;
      return lines.map((line) => `${line}\n`).join("");
    },
  };
}
