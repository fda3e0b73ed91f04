import { describe, expect, test } from "bun:test";
import { REDIRECT_MS_MAX, REDIRECT_RETRY_MS_MAX } from "../../../../core/limits.ts";
import type { RedirectNote } from "../../../../core/redirect-protocol.ts";
import { askNode, keepAsking } from "../../../../proxy/sidecar/redirect.ts";
import { testCertificate } from "../../../fakes/certificate.ts";
import { manualClock } from "../../../fakes/clock.ts";
import { sidecarConfig } from "../raw-peers.ts";

function asking(answers: () => boolean) {
  const clock = manualClock();
  const notes: RedirectNote[] = [];
  const ask = async (): Promise<void> => {
    if (!answers()) throw new Error("nobody is there");
  };
  const tell = async (note: RedirectNote): Promise<void> => void notes.push(note);
  const signal = new AbortController().signal;
  return { clock, notes, redirect: keepAsking({ ask, tell, clock, log: () => {}, signal }) };
}

describe("keepAsking()", () => {
  test("is made with the first yes, of which nobody is told", async () => {
    const { notes, redirect } = asking(() => true);
    expect(redirect.made()).toBeFalse();
    await redirect.done;
    expect(redirect.made()).toBeTrue();
    expect(notes).toEqual([]);
  });

  test("tells once that it is missing, goes on asking, and tells when it has come", async () => {
    let there = false;
    const { clock, notes, redirect } = asking(() => there);
    for (let ms = 0; ms < 4 * REDIRECT_MS_MAX; ms += 100) await clock.advance(100);
    expect(notes).toEqual([{ redirected: false, reason: "nobody is there" }]);
    expect(redirect.made()).toBeFalse();
    there = true;
    await clock.advance(REDIRECT_RETRY_MS_MAX);
    await redirect.done;
    expect(redirect.made()).toBeTrue();
    expect(notes.at(-1)).toEqual({ redirected: true, reason: "" });
  });
});

describe("askNode()", () => {
  async function node(answer: string): Promise<{ readonly heard: string[]; readonly ask: () => Promise<void> }> {
    const { cert, key } = await testCertificate();
    const heard: string[] = [];
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert, key },
      socket: {
        data: (socket, bytes) => {
          heard.push(bytes.toString());
          socket.end(answer);
          listener.stop();
        },
      },
    });
    const builder = { address: "127.0.0.1", port: listener.port, serverName: "localhost" };
    const config = sidecarConfig({ builder, ca: cert, skipInboundPorts: [22], skipOutboundPorts: [5432] });
    return { heard, ask: async () => askNode(config, "secret") };
  }

  test("says token and ports, and is content with a yes", async () => {
    const { heard, ask } = await node('{"ok":true}\n');
    await ask();
    expect(JSON.parse(heard.join(""))).toEqual({
      protocol: "azds-rules/1",
      token: "secret",
      skipInboundPorts: [22],
      skipOutboundPorts: [5432],
    });
  });

  test("rejects with the node's reason", async () => {
    const { ask } = await node('{"ok":false,"code":"BUILDER_UNAVAILABLE","message":"No process of the pod"}\n');
    expect(ask()).rejects.toThrow("No process of the pod");
  });

  test("rejects where nobody listens", () => {
    expect(askNode(sidecarConfig(), "secret")).rejects.toThrow("the builder of this node cannot be asked");
  });
});
