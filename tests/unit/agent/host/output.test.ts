import { describe, expect, test } from "bun:test";
import { createOutput, type Output } from "../../../../agent/host/output.ts";
import { linesOf, type OutputChunk } from "../../../../core/output.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function all(chunks: AsyncIterable<OutputChunk>): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const chunk of chunks) texts.push(...linesOf(chunk).map((line) => `${line.stream}: ${line.text}`));
  return texts;
}

function written(output: Output, ...chunks: readonly (readonly [OutputChunk["stream"], string])[]): void {
  for (const [stream, text] of chunks) output.push(stream, bytes(text));
}

describe("createOutput()", () => {
  test("joins chunks of each stream to lines of its own", async () => {
    const output = createOutput(() => 5);
    written(output, ["stdout", "one\ntw"], ["stderr", "wa"], ["stdout", "o\n"], ["stderr", "rn\n"]);
    output.close();
    expect(await all(output.read())).toEqual(["stdout: one", "stdout: two", "stderr: warn"]);
  });

  test("gives the lines of one chunk at once, and a line that is begun when it is whole", async () => {
    const output = createOutput(() => 5);
    written(output, ["stdout", "1\n2\n3\nhal"], ["stdout", "f\n"]);
    output.close();
    const chunks: string[] = [];
    for await (const chunk of output.read()) chunks.push(new TextDecoder().decode(chunk.bytes));
    expect(chunks).toEqual(["1\n2\n3\n", "half\n"]);
  });

  test("gives a last line without a line end when the output closes", async () => {
    const output = createOutput(() => 5);
    written(output, ["stdout", "a\nno end"]);
    output.close();
    expect(await all(output.read())).toEqual(["stdout: a", "stdout: no end"]);
  });

  test("gives a reader first what is there and then what comes", async () => {
    const output = createOutput(() => 5);
    written(output, ["stdout", "before\n"]);
    const reader = output.read()[Symbol.asyncIterator]();
    expect(await reader.next()).toEqual({ done: false, value: { stream: "stdout", bytes: bytes("before\n"), at: 5 } });
    const later = reader.next();
    written(output, ["stderr", "after\n"]);
    expect(await later).toEqual({ done: false, value: { stream: "stderr", bytes: bytes("after\n"), at: 5 } });
    output.close();
    expect((await reader.next()).done).toBe(true);
  });

  test("keeps no more than its bound, and the newest", async () => {
    const output = createOutput(() => 5, 2_000);
    for (let i = 0; i < 1_000; i += 1) written(output, ["stdout", `line ${i}\n`]);
    output.close();
    const lines = await all(output.read());
    expect(lines.length).toBeLessThan(2_000 / "line 0\n".length);
    expect(lines.at(-1)).toBe("stdout: line 999");
  });

  test("keeps one chunk that is larger than its bound", async () => {
    const output = createOutput(() => 5, 10);
    written(output, ["stdout", "a\n"], ["stdout", "longer than ten bytes\n"]);
    output.close();
    expect(await all(output.read())).toEqual(["stdout: longer than ten bytes"]);
  });

  test("tells a slow reader how much it missed, and never joins the halves around the gap", async () => {
    const output = createOutput(() => 5, 300);
    written(output, ["stdout", "first\nhalf"]);
    const reader = output.read()[Symbol.asyncIterator]();
    expect((await reader.next()).value).toMatchObject({ bytes: bytes("first\n") });
    for (let i = 0; i < 10; i += 1) written(output, ["stdout", `${i} of line\n`]);
    output.close();
    const rest = await all({ [Symbol.asyncIterator]: () => reader });
    expect(rest[0]).toBe("stdout: half");
    expect(rest[1]).toMatch(/^agent: \d+ bytes of output were left out/);
    expect(rest.at(-1)).toBe("stdout: 9 of line");
    const [, missed = "0"] = /(\d+) bytes/.exec(rest[1] ?? "") ?? [];
    expect(Number(missed)).toBe((10 - (rest.length - 2)) * "0 of line\n".length);
  });
});
