import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../../core/host/clock.ts";
import { AGENT_STREAM } from "../../../../core/agent-protocol.ts";
import { linesOf, type OutputLine, parseOutput } from "../../../../core/output.ts";
import { messageReader } from "../../../../core/wire/messages.ts";
import { createMux } from "../../../../core/wire/mux.ts";
import { streamOfSocket } from "../../../../core/wire/socket-stream.ts";

const PROGRAM = join(import.meta.dir, "agent-program.ts");
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "agent-"));
  await writeFile(join(folder, "no-interpreter"), "#!/no/such/interpreter\n");
  await chmod(join(folder, "no-interpreter"), 0o755);
  await writeFile(join(folder, "data"), "x");
  const config = {
    entrypoint: ["/bin/sh", "-c"],
    cmd: ["echo from image; exit 4"],
    workingDir: "/",
    user: "",
    env: [],
  };
  await writeFile(join(folder, "images.json"), JSON.stringify({ web: config }));
});
afterAll(() => rm(folder, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function start(words: readonly string[], port = 0): Bun.Subprocess<"ignore", "pipe", "pipe"> {
  return Bun.spawn([process.execPath, PROGRAM, String(port), join(folder, "images.json"), "--image", "web", ...words], {
    env: { PATH: "/usr/bin:/bin", GREETING: "hello", AZDS_BUILD: "{}" },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function ended(agent: Bun.Subprocess<"ignore", "pipe", "pipe">): Promise<Ended> {
  const [stdout, stderr] = await Promise.all([new Response(agent.stdout).text(), new Response(agent.stderr).text()]);
  return { code: await agent.exited, stdout, stderr };
}

const run = (...words: readonly string[]): Promise<Ended> => ended(start(["--", ...words]));
const shell = (script: string): Promise<Ended> => run("sh", "-c", script);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Reads the agent's output as the CLI does, from when it listens until it says farewell. */
async function subscribe(port: number): Promise<readonly OutputLine[]> {
  for (;;) {
    const socket = connect({ port, host: "127.0.0.1" });
    const opened = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    if (!opened) {
      await systemClock.sleep(10);
      continue;
    }
    const mux = createMux(streamOfSocket(socket), { role: "client" });
    const reader = messageReader(mux.open(AGENT_STREAM.output));
    const lines: OutputLine[] = [];
    for (let message = await reader.next(); message !== undefined; message = await reader.next()) {
      lines.push(...linesOf(parseOutput(message)));
    }
    await mux.close();
    return lines;
  }
}

describe("main() of the agent", () => {
  test("passes output, exit code and the environment without ours", async () => {
    const script = 'echo "$GREETING ${AZDS_BUILD-unset}"; echo oops >&2; exit 6';
    expect(await shell(script)).toEqual({ code: 6, stdout: "hello unset\n", stderr: "oops\n" });
  });

  test("passes bytes on unchanged, also without a line end", async () => {
    expect((await shell("printf 'a\\r\\nb\\377c'; printf x")).stdout).toBe("a\r\nb\uFFFDcx");
    expect((await shell("head -c 3000000 /dev/zero")).stdout.length).toBe(3_000_000);
  });

  test("gives the process outputs that can be opened by name", async () => {
    const { stdout, stderr } = await shell("echo a; echo log >/dev/stdout; echo oops >/dev/stderr; echo b");
    expect({ stdout, stderr }).toEqual({ stdout: "a\nlog\nb\n", stderr: "oops\n" });
  });

  test("passes on all that the process wrote before its end, however slowly it is taken", async () => {
    const agent = [process.execPath, PROGRAM, "0", join(folder, "images.json"), "--image", "web", "--"];
    const application = ["head", "-c", "1000000", "/dev/zero"];
    const reader = Bun.spawn(["sh", "-c", '"$@" | { sleep 1; wc -c; }', "sh", ...agent, ...application], {
      env: { PATH: "/usr/bin:/bin" },
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect((await new Response(reader.stdout).text()).trim()).toBe("1000000");
  });

  test("runs the image's own command", async () => {
    const agent = start(["--entrypoint-from-image", "--cmd-from-image", "--"]);
    expect(await ended(agent)).toEqual({ code: 4, stdout: "from image\n", stderr: "" });
  });

  test("gives the process its own name as the pod wrote it", async () => {
    expect((await shell("cat /proc/$$/cmdline | tr '\\0' ' '")).stdout).toStartWith("sh -c ");
  });

  test("answers 128 + the signal that killed the process", async () => {
    expect((await shell("kill -9 $$")).code).toBe(137);
  });

  test("answers 127 for a program that does not exist", async () => {
    const { code, stderr } = await run("no-such-program", "--flag");
    expect(code).toBe(127);
    expect(stderr).toStartWith("azds: cannot start `no-such-program --flag`: `no-such-program` was not found in");
  });

  test("answers 126 for a file that may not be executed", async () => {
    const { code, stderr } = await run(join(folder, "data"));
    expect(code).toBe(126);
    expect(stderr).toContain("may not be executed");
  });

  test("answers 127 for a script whose interpreter does not exist", async () => {
    const { code, stderr } = await run(join(folder, "no-interpreter"));
    expect(code).toBe(127);
    expect(stderr).toContain("the interpreter or loader that it names does not");
  });

  test("passes SIGTERM on and waits for the process", async () => {
    const agent = start([
      "--",
      "sh",
      "-c",
      "trap 'echo leaving; exit 9' TERM; echo ready; for _ in $(seq 400); do sleep 0.05; done",
    ]);
    const reader = agent.stdout.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("ready\n");
    agent.kill("SIGTERM");
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("leaving\n");
    expect(await agent.exited).toBe(9);
  });

  test("ends with the process even if a descendant holds its output", async () => {
    const { code, stdout } = await shell("sleep 3 & echo done; exit 2");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "done\n" });
  });

  test("gives subscribers both outputs by name, from the start to the last line", async () => {
    const port = await freePort();
    const agent = start(["--", "sh", "-c", "echo one; echo two >&2; sleep 0.5; printf last; exit 3"], port);
    const lines = await subscribe(port);
    expect(lines.map(({ stream, text }) => `${stream} ${text}`).toSorted()).toEqual([
      "stderr two",
      "stdout last",
      "stdout one",
    ]);
    expect(await agent.exited).toBe(3);
  });

  test("runs the process although its port is taken", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { code, stdout, stderr } = await ended(start(["--", "sh", "-c", "sleep 0.1; echo runs"], port));
    expect({ code, stdout }).toEqual({ code: 0, stdout: "runs\n" });
    expect(stderr).toContain(`cannot listen on port ${port}`);
    server.close();
  });
});

const isRoot = process.getuid?.() === 0;

test.skipIf(!isRoot)("startReaper() collects orphans when the agent is the first process", async () => {
  const orphan = "(sh -c 'sleep 0.1 & sleep 0.1 &' &); sleep 0.6; cat /proc/[0-9]*/stat | cut -d' ' -f3";
  const agent = [
    process.execPath,
    PROGRAM,
    "0",
    join(folder, "images.json"),
    "--image",
    "web",
    "--",
    "sh",
    "-c",
    orphan,
  ];
  const unshared = Bun.spawn(["unshare", "--pid", "--fork", "--mount-proc", ...agent], {
    env: { PATH: "/usr/bin:/bin" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { code, stdout } = await ended(unshared);
  expect(code).toBe(0);
  expect(stdout.split("\n")).not.toContain("Z");
});
