/** The live view is `view(reduce(state, event))`; React holds nothing else about the run. */
import type { Event, Question, StepId } from "../../engine/events.ts";

export interface StepView {
  readonly id: StepId;
  readonly text: string;
  readonly state: "running" | "done" | "failed";
  /** Known when it has ended. */
  readonly ms: number;
}

interface UrlView {
  readonly url: string;
  readonly status: Extract<Event, { readonly type: "url" }>["status"];
  readonly text: string;
}

export interface LiveState {
  /** The first message: which space, which cluster. */
  readonly header: string;
  readonly steps: readonly StepView[];
  /** Last lines of the build that runs; empty when none does. */
  readonly build: readonly string[];
  readonly urls: readonly UrlView[];
  /** Whether verbose messages are shown too. */
  readonly verbose: boolean;
  readonly question: { readonly question: Question; readonly typed: string } | undefined;
}

export const INITIAL_STATE: LiveState = {
  header: "",
  steps: [],
  build: [],
  urls: [],
  verbose: false,
  question: undefined,
};

/** Older steps and addresses leave the view; the lines above it still tell of them. */
const STEPS_SHOWN_MAX = 10;
const URLS_SHOWN_MAX = 12;
const BUILD_LINES_SHOWN = 5;

export function reduce(state: LiveState, event: Event): LiveState {
  switch (event.type) {
    case "message":
      return state.header === "" && event.level === "info" ? { ...state, header: event.text } : state;
    case "step.started":
      return withStep(state, { id: event.id, text: event.text, state: "running", ms: 0 });
    case "step.finished":
      return withStep({ ...state, build: [] }, { id: event.id, text: event.text, state: "done", ms: event.ms });
    case "step.failed":
      return withStep(state, { id: event.id, text: event.text, state: "failed", ms: event.ms });
    case "build.step":
      return event.state === "started" ? withBuildLine(state, event.name) : state;
    case "build.log":
      return withBuildLine(state, `  ${event.text}`);
    case "url":
      return withUrl(state, { url: event.url, status: event.status, text: event.text });
    case "check":
    case "table":
    case "result":
    case "log":
    case "update":
    case "trace":
    case "cause":
    case "failed":
      return state;
  }
}

/** Whether the event belongs above the view, among the lines that stay. */
export function isScrolled(event: Event, state: LiveState): boolean {
  switch (event.type) {
    case "message":
      return event.level === "verbose" ? state.verbose : event.level === "warning" || state.header !== event.text;
    case "check":
    case "table":
    case "log":
    case "update":
    case "trace":
    case "cause":
      return true;
    case "build.step":
    case "build.log":
      return state.verbose || (event.type === "build.step" && event.state === "failed");
    case "step.started":
    case "step.finished":
    case "step.failed":
    case "url":
    case "result":
    case "failed":
      return false;
  }
}

function withStep(state: LiveState, step: StepView): LiveState {
  const isKnown = state.steps.some(({ id }) => id === step.id);
  const steps = isKnown ? state.steps.map((each) => (each.id === step.id ? step : each)) : [...state.steps, step];
  return { ...state, steps: steps.slice(-STEPS_SHOWN_MAX) };
}

function withUrl(state: LiveState, url: UrlView): LiveState {
  const isKnown = state.urls.some((each) => each.url === url.url);
  const urls = isKnown ? state.urls.map((each) => (each.url === url.url ? url : each)) : [...state.urls, url];
  return { ...state, urls: urls.slice(-URLS_SHOWN_MAX) };
}

function withBuildLine(state: LiveState, line: string): LiveState {
  return { ...state, build: [...state.build, line].slice(-BUILD_LINES_SHOWN) };
}
