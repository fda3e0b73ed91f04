import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProcess } from "../../../../core/host/run-process.ts";
import { PROCESS_OUTPUT_BYTES_MAX } from "../../../../core/limits.ts";

const env = { PATH: "/usr/local/bin:/usr/bin:/bin" };

test("runProcess() gives code, both outputs, and takes input, folder and environment", async () => {
  const script = 'cat; pwd; echo "$HELLO" >&2; exit 3';
  const result = await runProcess(["sh", "-c", script], {
    env: { ...env, HELLO: "wörld" },
    input: "in\n",
    cwd: "/usr",
  });
  expect(result).toEqual({ code: 3, stdout: "in\n/usr\n", stderr: "wörld\n" });
});

test("runProcess() inherits no variable", async () => {
  const { stdout } = await runProcess(["/usr/bin/env"], { env: { ONLY: "this" } });
  expect(stdout.trim()).toBe("ONLY=this");
});

test("runProcess() tells each complete line, also the last without a line end", async () => {
  const lines: string[] = [];
  await runProcess(["sh", "-c", "printf 'a\\nb'; sleep 0.05; printf 'c\\nd'; echo e >&2"], {
    env,
    onLine: (stream, line) => lines.push(`${stream} ${line}`),
  });
  expect(lines.filter((line) => line.startsWith("stdout"))).toEqual(["stdout a", "stdout bc", "stdout d"]);
  expect(lines).toContain("stderr e");
});

test("runProcess() rejects with the code ENOENT when there is no such program", async () => {
  const running = runProcess(["no-such-program"], { env });
  expect(running).rejects.toMatchObject({ code: "ENOENT" });
  await running.catch(() => {});
});

test("runProcess() reports a signal as shells do", async () => {
  expect((await runProcess(["sh", "-c", "kill -9 $$"], { env })).code).toBe(137);
});

test("an abort of runProcess() ends what the program started too", async () => {
  const folder = mkdtempSync(join(tmpdir(), "azds-run-"));
  const pidFile = join(folder, "pid");
  const abort = new AbortController();
  const running = runProcess(["sh", "-c", `sleep 600 & echo $! > ${pidFile}; echo up; wait`], {
    env,
    signal: abort.signal,
    onLine: () => abort.abort(),
  });
  expect((await running).code).toBe(128 + 15);
  const pid = Number(readFileSync(pidFile, "utf8"));
  while (isAlive(pid)) await Bun.sleep(5);
  rmSync(folder, { recursive: true });
});

test("a bound program gives code and outputs like any other", async () => {
  const result = await runProcess(["sh", "-c", 'cat; echo "$0" "$@"; echo e >&2; exit 3', "a b", "c"], {
    env,
    bound: true,
  });
  expect(result).toEqual({ code: 3, stdout: "a b c\n", stderr: "e\n" });
});

test("a bound program ends with the process that runs it, even when that is killed", async () => {
  const module = JSON.stringify(join(import.meta.dir, "../../../../core/host/run-process.ts"));
  const script = `import { runProcess } from ${module};
    await runProcess(["sh", "-c", "echo $$; exec sleep 600"], { env: ${JSON.stringify(env)}, bound: true, onLine: (_, line) => console.log(line) });`;
  const parent = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const { value } = await parent.stdout.getReader().read();
  const pid = Number(new TextDecoder().decode(value));
  expect(isAlive(pid)).toBe(true);
  parent.kill("SIGKILL");
  while (isAlive(pid)) await Bun.sleep(5);
});

test("runProcess() does not start after the abort", () => {
  expect(runProcess(["true"], { env, signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
});

test("runProcess() keeps the end of a long output", async () => {
  const size = PROCESS_OUTPUT_BYTES_MAX + 1000;
  const { stdout } = await runProcess(["sh", "-c", `head -c ${size} /dev/zero | tr '\\0' x; echo end`], { env });
  expect(stdout.length).toBe(PROCESS_OUTPUT_BYTES_MAX);
  expect(stdout.endsWith("xend\n")).toBe(true);
});

function isAlive(pid: number): boolean {
  try {
    // A zombie that nobody has waited for is gone as well.
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}
