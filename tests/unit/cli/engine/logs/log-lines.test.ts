import { describe, expect, test } from "bun:test";
import { compareTimes, createLogSplitter, formatTime, type LogLine } from "../../../../../cli/engine/logs/log-lines.ts";
import { LOG_LINE_BYTES_MAX } from "../../../../../core/limits.ts";

const STAMP = "2026-01-02T03:04:05.000000006Z";
const TIME = { seconds: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000, nanoseconds: 6 };

function split(...chunks: readonly (string | Uint8Array)[]): readonly LogLine[] {
  const splitter = createLogSplitter();
  return [...chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk))), ...splitter.end()];
}

describe("createLogSplitter()", () => {
  test("gives each line its time, over chunks, with and without a line end", () => {
    const lines = [
      { time: TIME, text: "one" },
      { time: TIME, text: "" },
      { time: TIME, text: "two words" },
    ];
    const text = `${STAMP} one\r\n${STAMP} \n${STAMP} two words`;
    expect(split(text)).toEqual(lines);
    expect(split(...Array.from(text))).toEqual(lines);
  });

  test.each([
    ["2026-01-02T03:04:05Z", 0],
    ["2026-01-02T05:04:05.5+02:00", 500_000_000],
    ["2026-01-02T03:04:05.123456789Z", 123_456_789],
  ])("reads %s", (stamp, nanoseconds) => {
    expect(split(`${stamp} x\n`)).toEqual([{ time: { ...TIME, nanoseconds }, text: "x" }]);
  });

  test("leaves words of the kubelet without a time", () => {
    expect(split("failed to watch\n", `${STAMP} x\n`)).toEqual([
      { time: undefined, text: "failed to watch" },
      { time: TIME, text: "x" },
    ]);
  });

  test("replaces what is not UTF-8", () => {
    expect(
      split(Buffer.concat([Buffer.from(`${STAMP} a`), Uint8Array.of(0xff, 0xc3), Buffer.from("b\n")]))[0]?.text,
    ).toBe("a\uFFFD\uFFFDb");
  });

  test("cuts long lines between characters, all pieces with the line's time, whatever they look like", () => {
    const text = `${"ä".repeat(LOG_LINE_BYTES_MAX)}${STAMP} end`;
    const lines = split(`${STAMP} x${text}\n`, `${STAMP} next\n`);
    expect(lines.length).toBe(4);
    expect(lines.map(({ text: piece }) => piece).join("|")).not.toContain("\uFFFD");
    expect(
      lines
        .slice(0, 3)
        .map((line) => line.text)
        .join(""),
    ).toBe(`x${text}`);
    expect(new Set(lines.map(({ time }) => JSON.stringify(time)))).toEqual(new Set([JSON.stringify(TIME)]));
  });
});

test("compareTimes() and formatTime() keep nanoseconds", () => {
  expect(compareTimes(TIME, { ...TIME, nanoseconds: 7 })).toBeLessThan(0);
  expect(compareTimes({ seconds: TIME.seconds + 1, nanoseconds: 0 }, TIME)).toBeGreaterThan(0);
  expect(formatTime(TIME)).toBe(STAMP);
});
