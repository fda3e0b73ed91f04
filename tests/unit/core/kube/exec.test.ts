import { describe, expect, test } from "bun:test";
import { openExec, type RemoteCommand } from "../../../../core/kube/exec.ts";
import { CHANNEL, startExecServer } from "../../../fakes/exec-server.ts";
import { bytesOf, codeOf } from "../wire/support.ts";

const REQUEST = { namespace: "dev", pod: "web-1", container: "web", command: ["ls", "a b&c"], stdin: true, tty: false };

async function outputOf(command: RemoteCommand): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const text = { stdout: "", stderr: "" };
  for (let output = await command.read(); output !== undefined; output = await command.read())
    text[output.stream] += new TextDecoder().decode(output.bytes);
  return text;
}

describe("openExec()", () => {
  test("names command, container and streams, and tells both outputs apart", async () => {
    await using server = startExecServer({
      open: (far) => {
        far.say(CHANNEL.stdout, "out");
        far.say(CHANNEL.stderr, "err");
        far.exit(0);
      },
    });
    const command = await openExec(server.connection, REQUEST);
    expect(await outputOf(command)).toEqual({ stdout: "out", stderr: "err" });
    expect(command.outcome()).toEqual({ kind: "exited", code: 0 });
    expect(server.urls).toEqual([
      "/api/v1/namespaces/dev/pods/web-1/exec?container=web&stdin=true&stdout=true&stderr=true&tty=false&command=ls&command=a%20b%26c",
    ]);
  });

  test.each([1, 3, 137])("gives exit code %d", async (code) => {
    await using server = startExecServer({ open: (far) => far.exit(code) });
    const command = await openExec(server.connection, REQUEST);
    await outputOf(command);
    expect(command.outcome()).toEqual({ kind: "exited", code });
  });

  test("tells what failed, and a connection without a last word", async () => {
    await using failing = startExecServer({ open: (far) => far.fail("InternalError", "no such thing") });
    const failed = await openExec(failing.connection, REQUEST);
    await outputOf(failed);
    expect(failed.outcome()).toEqual({ kind: "failed", reason: "InternalError", message: "no such thing" });
    await using silent = startExecServer({ open: (far) => far.hangUp() });
    const lost = await openExec(silent.connection, REQUEST);
    expect(await codeOf(outputOf(lost))).toBe("CONNECTION_LOST");
    expect(lost.outcome()).toEqual({ kind: "lost" });
  });

  test("carries input of any size, its end and the terminal's size", async () => {
    const input: Buffer[] = [];
    const sizes: string[] = [];
    await using server = startExecServer({
      message: (far, channel, payload) => {
        if (channel === CHANNEL.stdin) input.push(payload);
        if (channel === CHANNEL.resize) sizes.push(payload.toString());
        if (channel === CHANNEL.close) far.exit(payload[0] ?? 1);
      },
    });
    const command = await openExec(server.connection, REQUEST);
    const bytes = bytesOf(300_000, 7);
    await command.resize({ columns: 91, rows: 33 });
    await command.write(bytes);
    expect(await command.endInput()).toBe(true);
    await outputOf(command);
    expect(command.outcome()).toEqual({ kind: "exited", code: 0 });
    expect(Bun.hash(Buffer.concat(input))).toBe(Bun.hash(bytes));
    expect(sizes).toEqual(['{"Width":91,"Height":33}']);
  });

  test("says that v4 cannot end the input, and refuses what it does not know", async () => {
    await using old = startExecServer({ protocol: "v4.channel.k8s.io" });
    const command = await openExec(old.connection, REQUEST);
    expect(await command.endInput()).toBe(false);
    command.abort();
    await using strange = startExecServer({ protocol: "v3.channel.k8s.io" });
    expect(await codeOf(openExec(strange.connection, REQUEST))).toBe("PROTOCOL");
  });

  test("takes nothing that nobody reads", async () => {
    const portion = new Uint8Array(64 * 1024);
    const full = Promise.withResolvers<number>();
    await using server = startExecServer({
      open: (far) => {
        // 0 or -1: what the kernel does not take stays with the sender.
        for (let sent = 0; sent < 1_000; sent += 1)
          if (far.say(CHANNEL.stdout, portion) <= 0) return full.resolve(sent);
        full.resolve(1_000);
      },
    });
    const command = await openExec(server.connection, REQUEST);
    expect(await full.promise).toBeLessThan(1_000);
    command.abort();
  });

  test("breaks with the signal", async () => {
    await using server = startExecServer({});
    const abort = new AbortController();
    const command = await openExec(server.connection, { ...REQUEST, signal: abort.signal });
    const reading = command.read();
    abort.abort(new Error("enough"));
    expect(reading).rejects.toThrow("enough");
    await reading.catch(() => {});
  });
});
