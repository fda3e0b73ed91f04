import { describe, expect, test } from "bun:test";
import { renderToString } from "ink";
import type { Event } from "../../../../cli/engine/events.ts";
import { paint } from "../../../../cli/render/paint.ts";
import { intentOf, type KeyPress } from "../../../../cli/render/tui/keys.ts";
import { INITIAL_STATE, type LiveState, reduce } from "../../../../cli/render/tui/state.ts";
import { createStore } from "../../../../cli/render/tui/store.ts";
import { View } from "../../../../cli/render/tui/view.tsx";

const EVENTS: readonly Event[] = [
  { type: "message", level: "info", text: "Using dev space 'dev/alice' with target 'kind'" },
  { type: "step.started", id: "chart", text: "Installing Helm chart" },
  { type: "step.finished", id: "chart", text: "Installing Helm chart", ms: 2_300 },
  { type: "step.started", id: "build", text: "Waiting for container image build" },
  { type: "build.step", id: "2", name: "[2/2] RUN npm ci", state: "started" },
  { type: "build.log", id: "2", stream: "stdout", text: "added 3 packages" },
  {
    type: "url",
    service: "web",
    url: "http://localhost:1",
    status: "forwarded",
    text: "Service 'web' is at http://localhost:1",
  },
];

function screen(state: LiveState): string {
  return Bun.stripANSI(renderToString(<View state={state} />, { columns: 80 }));
}

describe("View", () => {
  test("shows header, ended and running steps, the build's last lines, addresses and keys", () => {
    expect(screen(EVENTS.reduce(reduce, INITIAL_STATE))).toBe(
      [
        "Using dev space 'dev/alice' with target 'kind'",
        "✓ Installing Helm chart...2s",
        "⠋ Waiting for container image build...<1s",
        "    [2/2] RUN npm ci",
        "      added 3 packages",
        "Service 'web' is at http://localhost:1",
        "q or Ctrl+C detaches · v shows details",
      ].join("\n"),
    );
  });

  test("shows the question with what is typed in place of the keys", () => {
    const question = { kind: "confirm", id: "q", text: "Take over?", whenEmpty: false, whenUnattended: false } as const;
    expect(screen({ ...INITIAL_STATE, question: { question, typed: "y" } })).toBe("Take over? (y/N): y");
  });
});

describe("reduce()", () => {
  test("replaces the address of the same URL and keeps one line for each step", () => {
    const url = { type: "url", service: "web", url: "http://a/", text: "A" } as const;
    const state = [
      { ...url, status: "pending" } as const,
      { ...url, status: "available" } as const,
      { type: "step.started", id: "s", text: "S" } as const,
      { type: "step.failed", id: "s", text: "S", ms: 5 } as const,
    ].reduce(reduce, INITIAL_STATE);
    expect(state.urls).toMatchObject([{ status: "available" }]);
    expect(state.steps).toEqual([{ id: "s", text: "S", state: "failed", ms: 5 }]);
  });

  test("keeps a bounded number of build lines", () => {
    const log: Event = { type: "build.log", id: "1", stream: "stdout", text: "x" };
    const state = Array.from({ length: 1_000 }, () => log).reduce(reduce, INITIAL_STATE);
    expect(state.build.length).toBeLessThan(10);
  });
});

const key = (input: string, more: Partial<KeyPress> = {}): KeyPress => {
  return { input, ctrl: false, return: false, backspace: false, delete: false, ...more };
};

describe("intentOf()", () => {
  test("stops with q and Ctrl+C, toggles details with v", () => {
    expect(intentOf(key("q"), INITIAL_STATE)).toEqual({ kind: "stop" });
    expect(intentOf(key("c", { ctrl: true }), INITIAL_STATE)).toEqual({ kind: "stop" });
    expect(intentOf(key("v"), INITIAL_STATE)).toEqual({ kind: "verbose" });
  });

  test("types into an open question, where q is a letter", () => {
    const question = { kind: "confirm", id: "q", text: "?", whenEmpty: false, whenUnattended: false } as const;
    const asked: LiveState = { ...INITIAL_STATE, question: { question, typed: "a" } };
    expect(intentOf(key("q"), asked)).toEqual({ kind: "typed", text: "aq" });
    expect(intentOf(key("", { backspace: true }), asked)).toEqual({ kind: "typed", text: "" });
    expect(intentOf(key("", { return: true }), asked)).toEqual({ kind: "answer", text: "a" });
    expect(intentOf(key("b\r"), asked)).toEqual({ kind: "answer", text: "ab" });
  });
});

describe("createStore()", () => {
  test("gives log lines once, for the scrollback", () => {
    const store = createStore(paint(false));
    store.emit({ type: "log", pod: "web-1", container: "web", stream: "stdout", text: "hello" });
    expect(store.takeLines()).toBe("web-1: hello\n");
    expect(store.takeLines()).toBe("");
  });

  test("drops the oldest lines beyond its limit and says how many", () => {
    const store = createStore(paint(false));
    for (let n = 0; n < 10_003; n += 1)
      store.emit({ type: "log", pod: "p", container: "c", stream: "stdout", text: String(n) });
    expect(store.takeLines().slice(0, 40)).toStartWith("3 lines were dropped\np: 3\np: 4\n");
  });

  test("answers a question with what was typed, asking again for what is no answer", async () => {
    const store = createStore(paint(false));
    const answer = store.ask({ kind: "confirm", id: "q", text: "?", whenEmpty: false, whenUnattended: false });
    store.answer("perhaps");
    expect(store.state().question?.typed).toBe("");
    store.answer("y");
    expect(await answer).toBe(true);
    expect(store.state().question).toBeUndefined();
  });
});
