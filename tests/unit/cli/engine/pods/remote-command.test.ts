import { describe, expect, test } from "bun:test";
import type { Event } from "../../../../../cli/engine/events.ts";
import { runRemote } from "../../../../../cli/engine/pods/remote-command.ts";
import type { Stdio } from "../../../../../cli/host.ts";
import { createKubeClient } from "../../../../../core/kube/client.ts";
import { CHANNEL, type ExecServer, startExecServer } from "../../../../fakes/exec-server.ts";
import { codeOf } from "../../../core/wire/support.ts";
import { statusResponse } from "../../../core/kube/support.ts";

const REQUEST = { namespace: "dev", pod: "web-1", container: "web", command: ["run"], stdin: false, tty: false };

interface Screen {
  readonly stdio: Stdio;
  readonly said: () => { readonly stdout: string; readonly stderr: string };
  readonly isRaw: () => boolean;
  readonly resize: () => void;
}

function screen(input: readonly string[] = [], isTerminal = false): Screen {
  const said = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  let columns = 80;
  let raw = false;
  const stdio: Stdio = {
    input: async function* () {
      for (const text of input) yield new TextEncoder().encode(text);
      // A terminal has no end of its own.
      if (isTerminal) await new Promise(() => {});
    },
    write: async (stream, bytes) => {
      said[stream] += new TextDecoder().decode(bytes);
    },
    terminal: isTerminal
      ? {
          size: () => ({ columns, rows: 24 }),
          onResize: (listener) => {
            listeners.add(listener);
            return () => void listeners.delete(listener);
          },
          raw: () => {
            raw = true;
            return () => {
              raw = false;
            };
          },
        }
      : undefined,
  };
  const resize = (): void => {
    columns += 1;
    for (const listener of listeners) listener();
  };
  return { stdio, said: () => said, isRaw: () => raw, resize };
}

interface Ran {
  readonly running: Promise<number>;
  readonly events: Event[];
}

interface Change extends Partial<typeof REQUEST> {
  readonly signal?: AbortSignal;
}

function start(server: ExecServer, stdio: Stdio, { signal, ...change }: Change = {}): Ran {
  const events: Event[] = [];
  const options = {
    kube: createKubeClient(server.connection),
    stdio,
    emit: (event: Event) => void events.push(event),
    signal: signal ?? new AbortController().signal,
  };
  return { running: runRemote({ ...REQUEST, ...change }, options), events };
}

describe("runRemote()", () => {
  test("feeds the whole input and gives output and exit code back", async () => {
    await using server = startExecServer({
      message: (far, channel, payload) => {
        if (channel === CHANNEL.stdin) far.say(CHANNEL.stdout, payload.toString().toUpperCase());
        if (channel === CHANNEL.close) far.exit(3);
      },
    });
    const { stdio, said } = screen(["ab", "cd"]);
    expect(await start(server, stdio, { stdin: true }).running).toBe(3);
    expect(said()).toEqual({ stdout: "ABCD", stderr: "" });
  });

  test("keeps the terminal raw and its size known while it runs, and restores it", async () => {
    const sizes: string[] = [];
    const { stdio, isRaw, resize } = screen(["\u0003"], true);
    const keys: string[] = [];
    await using server = startExecServer({
      message: (far, channel, payload) => {
        if (channel === CHANNEL.stdin) {
          keys.push(payload.toString());
          expect(isRaw()).toBe(true);
          resize();
        }
        if (channel === CHANNEL.resize) sizes.push(payload.toString());
        if (sizes.length === 2) far.exit(0);
      },
    });
    expect(await start(server, stdio, { stdin: true, tty: true }).running).toBe(0);
    expect(keys).toEqual(["\u0003"]);
    expect(sizes).toEqual(['{"Width":80,"Height":24}', '{"Width":81,"Height":24}']);
    expect(isRaw()).toBe(false);
  });

  test.each(["lost", "stopped"])("restores the terminal when the connection is %s", async (how) => {
    const { stdio, isRaw } = screen(["x"], true);
    const stop = new AbortController();
    await using server = startExecServer({
      message: (far, channel) => {
        if (channel !== CHANNEL.stdin) return;
        if (how === "lost") far.hangUp();
        else stop.abort(new Error("stopped"));
      },
      fetch: (request) => (request.headers.has("upgrade") ? undefined : Response.json({ metadata: { name: "web-1" } })),
    });
    const { running } = start(server, stdio, { stdin: true, tty: true, signal: stop.signal });
    expect(running).rejects.toThrow(how === "lost" ? "The API server ended the connection" : "stopped");
    await running.catch(() => {});
    expect(isRaw()).toBe(false);
  });

  test.each([
    [
      'exec failed: unable to start container process: exec: "run": executable file not found in $PATH',
      "PROGRAM_NOT_FOUND",
    ],
    ['exec: "/run": stat /run: no such file or directory: unknown', "PROGRAM_NOT_FOUND"],
    ['exec: "/etc/passwd": permission denied: unknown', "PROGRAM_NOT_EXECUTABLE"],
    ['container not found ("web")', "CONTAINER_NOT_RUNNING"],
    ["something else", "API_FAILED"],
  ])("takes %p for %s", async (message, code) => {
    await using server = startExecServer({ open: (far) => far.fail("InternalError", message) });
    expect(await codeOf(start(server, screen().stdio).running)).toBe(code);
  });

  test("tells a pod that has gone from a connection that broke", async () => {
    const answered = (answer: () => Response): Parameters<typeof startExecServer>[0] => ({
      open: (far) => far.hangUp(),
      fetch: (request) => (request.headers.has("upgrade") ? undefined : answer()),
    });
    await using gone = startExecServer(answered(() => statusResponse(404, "NotFound", "no")));
    expect(await codeOf(start(gone, screen().stdio).running)).toBe("POD_GONE");
    await using there = startExecServer(answered(() => Response.json({ metadata: {} })));
    expect(await codeOf(start(there, screen().stdio).running)).toBe("CONNECTION_LOST");
  });

  test("hands a refusal on, and takes a missing pod for one that has gone", async () => {
    await using forbidden = startExecServer({ fetch: () => statusResponse(403, "Forbidden", "may not") });
    expect(start(forbidden, screen().stdio).running).rejects.toMatchObject({ status: 403, message: "may not" });
    await using missing = startExecServer({ fetch: () => statusResponse(404, "NotFound", "no pod") });
    expect(await codeOf(start(missing, screen().stdio).running)).toBe("POD_GONE");
  });

  test("warns where the end of the input cannot be told", async () => {
    await using server = startExecServer({
      protocol: "v4.channel.k8s.io",
      message: (far) => void setTimeout(() => far.exit(0), 50),
    });
    const { running, events } = start(server, screen(["x"]).stdio, { stdin: true });
    expect(await running).toBe(0);
    expect(events).toMatchObject([{ type: "message", level: "warning" }]);
  });
});
