import { describe, expect, test } from "bun:test";
import type { RulesReply } from "../../../../core/redirect-protocol.ts";
import { askNode } from "../../../../proxy/sidecar/ask-node.ts";
import { testCertificate } from "../../../fakes/certificate.ts";
import { sidecarConfig } from "../raw-peers.ts";

const PORTS = { kind: "redirect", skipInboundPorts: [22], skipOutboundPorts: [5432] } as const;

describe("askNode()", () => {
  async function node(answer: string): Promise<{ readonly heard: string[]; readonly ask: () => Promise<RulesReply> }> {
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
    const config = sidecarConfig({ builder, ca: cert });
    return { heard, ask: async () => askNode(config, "secret", PORTS) };
  }

  test("says token and wish, and gives the answer", async () => {
    const { heard, ask } = await node('{"ok":true,"running":false}\n');
    expect(await ask()).toEqual({ ok: true, running: false });
    expect(JSON.parse(heard.join(""))).toEqual({
      protocol: "azds-rules/1",
      token: "secret",
      ...PORTS,
    });
  });

  test("rejects with the node's reason", async () => {
    const { ask } = await node('{"ok":false,"code":"BUILDER_UNAVAILABLE","message":"No process of the pod"}\n');
    expect(ask()).rejects.toThrow("No process of the pod");
  });

  test("rejects where nobody listens", () => {
    expect(askNode(sidecarConfig(), "secret", PORTS)).rejects.toThrow("the builder of this node cannot be asked");
  });
});
