import { expect, test } from "bun:test";
import { spawnProcess } from "../../../../cli/spawn-process.ts";

const env = { PATH: Bun.env["PATH"] ?? "" };

test("spawnProcess() gives exit code, both streams and each line", async () => {
  const lines: string[] = [];
  const result = await spawnProcess(["sh", "-c", "printf 'a\\nb'; echo c >&2; exit 3"], {
    env,
    onLine: (stream, line) => void lines.push(`${stream}: ${line}`),
  });
  expect(result).toEqual({ code: 3, stdout: "a\nb", stderr: "c\n" });
  expect(lines.toSorted()).toEqual(["stderr: c", "stdout: a", "stdout: b"]);
});

test("spawnProcess() feeds the input and passes only the named environment", async () => {
  const result = await spawnProcess(["sh", "-c", 'cat; printf "%s|%s" "$X" "$HOME"'], {
    env: { ...env, X: "1" },
    input: "in ",
  });
  expect(result.stdout).toBe("in 1|");
});

test("spawnProcess() rejects with ENOENT for a program that is not there", async () => {
  expect(spawnProcess(["azds-no-such-program"], { env })).rejects.toMatchObject({ code: "ENOENT" });
});

test("spawnProcess() stops the program when aborted and rejects with the reason", async () => {
  const stop = new AbortController();
  const running = spawnProcess(["sh", "-c", "echo ready; exec sleep 60"], {
    env,
    signal: stop.signal,
    onLine: () => stop.abort(new Error("stopped")),
  });
  expect(running).rejects.toThrow("stopped");
});
