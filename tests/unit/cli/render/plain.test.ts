import { describe, expect, test } from "bun:test";
import type { Event, Question } from "../../../../cli/engine/events.ts";
import { jsonRenderer } from "../../../../cli/render/json.ts";
import { paint } from "../../../../cli/render/paint.ts";
import { linesOf } from "../../../../cli/render/plain-lines.ts";
import { plainRenderer, type PlainOptions } from "../../../../cli/render/plain.ts";
import type { Renderer } from "../../../../cli/render/renderer.ts";
import { jsonLines } from "../../../support/json-lines.ts";

/** A recorded `up`, shortened. */
const UP: readonly Event[] = [
  { type: "message", level: "info", text: "Using dev space 'dev/alice' with target 'kind'" },
  { type: "step.started", id: "chart", text: "Installing Helm chart" },
  { type: "step.finished", id: "chart", text: "Installing Helm chart", ms: 2_300 },
  { type: "step.started", id: "build", text: "Waiting for container image build" },
  { type: "build.step", id: "1", name: "[1/2] FROM node:22", state: "cached" },
  { type: "build.step", id: "2", name: "[2/2] RUN npm ci", state: "started" },
  { type: "build.log", id: "2", stream: "stdout", text: "added 3 packages" },
  { type: "step.finished", id: "build", text: "Waiting for container image build", ms: 145_000 },
  {
    type: "url",
    service: "web",
    url: "http://localhost:1",
    status: "forwarded",
    text: "Service 'web' is available at http://localhost:1",
  },
  { type: "log", pod: "web-1", container: "web", stream: "stdout", text: "listening" },
  { type: "log", pod: "web-1", container: "web", stream: "stderr", text: "deprecated" },
  { type: "message", level: "verbose", text: "a detail" },
  { type: "cause", pod: "web-1", reason: "CrashLoopBackOff", text: "exit code 1" },
  { type: "failed", code: "POD_CRASHED", message: "The pod crashed", hint: "Mend it" },
];

interface Played {
  readonly stdout: string;
  readonly stderr: string;
}

interface PlayOptions {
  readonly isTty?: boolean;
  readonly typed?: readonly string[];
  readonly verbose?: boolean;
  readonly yes?: boolean;
}

async function play(work: (renderer: Renderer) => Promise<void> | void, options: PlayOptions = {}): Promise<Played> {
  const out: string[] = [];
  const err: string[] = [];
  const isTty = options.isTty ?? false;
  const typed = options.typed === undefined ? undefined : [...options.typed];
  const plainOptions: PlainOptions = {
    stdout: { write: (text) => void out.push(text), isTty, columns: 80, drained: async () => {} },
    stderr: { write: (text) => void err.push(text), isTty, columns: 80, drained: async () => {} },
    readLine: typed === undefined ? undefined : async () => typed.shift(),
    env: { NO_COLOR: "1" },
    verbose: options.verbose ?? false,
    yes: options.yes ?? false,
  };
  const renderer = plainRenderer(plainOptions);
  await work(renderer);
  await renderer.close();
  return { stdout: out.join(""), stderr: err.join("") };
}

describe("plainRenderer()", () => {
  test("writes each step as one line with its time, data to stdout and the rest to stderr", async () => {
    const { stdout, stderr } = await play((renderer) => UP.forEach(renderer.emit));
    expect(stdout).toBe(
      [
        "Using dev space 'dev/alice' with target 'kind'",
        "Installing Helm chart...2s",
        "  [1/2] FROM node:22 (cached)",
        "  [2/2] RUN npm ci",
        "    added 3 packages",
        "Waiting for container image build...2m 25s",
        "Service 'web' is available at http://localhost:1",
        "web-1: listening",
        "",
      ].join("\n"),
    );
    expect(stderr).toBe(
      [
        "web-1: deprecated",
        "web-1: CrashLoopBackOff: exit code 1",
        "error[POD_CRASHED]: The pod crashed",
        "",
        "hint: Mend it",
        "",
      ].join("\n"),
    );
  });

  test("shows details with -v only", async () => {
    const { stderr } = await play((renderer) => UP.forEach(renderer.emit), { verbose: true });
    expect(stderr).toContain("a detail\n");
  });

  test("on a terminal shows a step at its start and completes the line at its end", async () => {
    const { stdout } = await play((renderer) => UP.slice(1, 3).forEach(renderer.emit), { isTty: true });
    expect(stdout).toBe("Installing Helm chart...2s\n");
  });

  test("on a terminal repeats a step's text at its end when other lines came between", async () => {
    const { stdout } = await play((renderer) => UP.slice(3, 8).forEach(renderer.emit), { isTty: true });
    expect(stdout).toBe(
      "Waiting for container image build...\n  [1/2] FROM node:22 (cached)\n  [2/2] RUN npm ci\n    added 3 packages\nWaiting for container image build...2m 25s\n",
    );
  });

  test.each([
    [200, undefined, "plain"],
    [404, undefined, "yellow"],
    [503, undefined, "red"],
    [0, undefined, "red"],
    [200, 0, "plain"],
    [200, 5, "yellow"],
    [200, 14, "red"],
    [200, 17, "yellow"],
  ] as const)("of answers %d, gRPC status %p, are %p", (status, grpcStatus, colour) => {
    const style = { paint: paint(true), verbose: false };
    const [line] = linesOf(answered(status, grpcStatus), style);
    const marks = { plain: "an answer", yellow: "\u001B[33man answer\u001B[39m", red: "\u001B[31man answer\u001B[39m" };
    expect(line?.text).toBe(marks[colour]);
  });

  test("aligns checks and tables", async () => {
    const { stdout } = await play(({ emit }) => {
      emit({ type: "check", name: "Kubernetes version", status: "ok", text: "v1.34.4" });
      emit({ type: "check", name: "Rights", status: "failed", text: "no" });
      emit({
        type: "table",
        columns: [" ", "Name"],
        rows: [
          ["*", "dev/alice"],
          [" ", "dev"],
        ],
      });
    });
    expect(stdout).toBe(
      "ok       Kubernetes version      v1.34.4\nfailed   Rights                  no\n   Name\n*  dev/alice\n   dev\n",
    );
  });
});

function answered(status: number, grpcStatus: number | undefined): Event {
  const asked = { direction: "out", method: "GET", authority: "api", path: "/", peer: "", reason: "space" } as const;
  const reached = { address: "10.0.0.8", port: 80, tries: 1, requestBytes: 1, responseBytes: 1 };
  const times = { queueMs: 0, connectMs: 0, firstByteMs: 0, totalMs: 0 };
  const rpc = grpcStatus === undefined ? {} : { grpcStatus };
  return {
    type: "trace",
    phase: "response",
    id: "abc",
    pod: "web-1",
    namespace: "dev",
    service: "web",
    request: { type: "request", id: 1, at: 0, ...asked },
    response: { type: "response", id: 1, status, ...rpc, complete: true, ...reached, ...times },
    text: "an answer",
    details: [],
  };
}

const CONFIRM: Question = { kind: "confirm", id: "c", text: "Continue?", whenEmpty: true, whenUnattended: false };
const CHOOSE: Question = {
  kind: "choose",
  id: "p",
  text: "Select a parent.",
  choices: ["<none>", "default"],
  first: 0,
  prompt: "Type a number:",
  freeText: false,
  whenEmpty: "<none>",
  whenUnattended: "default",
};

async function answers(
  question: Question,
  options: PlayOptions,
): Promise<{ readonly answer: unknown; readonly stderr: string }> {
  let answer: unknown;
  const { stderr } = await play(async (renderer) => {
    answer = await renderer.ask(question);
  }, options);
  return { answer, stderr };
}

describe("plainRenderer() asks", () => {
  test("with numbered choices and the prompt at the end", async () => {
    const { answer, stderr } = await answers(CHOOSE, { typed: ["1"] });
    expect(stderr).toBe("Select a parent.\n [0] <none>\n [1] default\nType a number: ");
    expect(answer).toBe("default");
  });

  test("again after what is no answer", async () => {
    expect((await answers(CHOOSE, { typed: ["7", "nope", "0"] })).answer).toBe("<none>");
    expect((await answers(CONFIRM, { typed: ["perhaps", "No"] })).answer).toBe(false);
  });

  test("and takes the default for a plain Enter", async () => {
    expect((await answers(CONFIRM, { typed: [""] })).answer).toBe(true);
    expect((await answers(CHOOSE, { typed: [""] })).answer).toBe("<none>");
  });

  test("a new name where one may be typed", async () => {
    expect((await answers({ ...CHOOSE, freeText: true }, { typed: [" alice "] })).answer).toBe("alice");
  });

  test("nobody without a terminal, and nothing with -y", async () => {
    expect(await answers(CONFIRM, {})).toEqual({ answer: false, stderr: "" });
    expect(await answers(CONFIRM, { yes: true, typed: ["n"] })).toEqual({ answer: true, stderr: "" });
    expect(await answers(CHOOSE, { yes: true, typed: ["0"] })).toEqual({ answer: "default", stderr: "" });
  });

  test("the unattended answer when the input ends", async () => {
    expect((await answers(CONFIRM, { typed: [] })).answer).toBe(false);
  });
});

async function playJson(events: readonly Event[]): Promise<readonly unknown[]> {
  const lines: string[] = [];
  const renderer = jsonRenderer({ write: (line) => void lines.push(line), verbose: false, yes: false });
  for (const event of events) renderer.emit(event);
  await renderer.close();
  return jsonLines(lines.join(""));
}

describe("jsonRenderer()", () => {
  test("writes one object a line, versioned, without details", async () => {
    const events = UP.filter((event) => !(event.type === "message" && event.level === "verbose"));
    expect(await playJson(UP)).toEqual(events.map((event) => Object.assign({ v: 1 }, event)));
  });

  test("writes a result in place of the table before it, and a table alone as it is", async () => {
    const table: Event = { type: "table", columns: ["A"], rows: [] };
    const result: Event = { type: "result", name: "spaces", data: [] };
    expect(await playJson([table, result])).toMatchObject([{ type: "result" }]);
    expect(await playJson([table])).toMatchObject([{ type: "table" }]);
  });
});
