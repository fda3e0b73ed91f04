/** One question to the agent of the same pod. Loaded when it is first asked: Node's sockets cost memory. */
import { connect } from "node:net";
import { AGENT_STREAM, parseProbeAnswer, type ProbeAnswer } from "../../core/agent-protocol.ts";
import { messageReader } from "../../core/wire/messages.ts";
import { createMux } from "../../core/wire/mux.ts";
import { streamOfSocket } from "../../core/wire/socket-stream.ts";

/** `undefined` where nobody answers within `msMax`, or none that knows the question. Never rejects. */
export async function askAgent(port: number, msMax: number): Promise<ProbeAnswer | undefined> {
  const carrier = streamOfSocket(connect({ host: "127.0.0.1", port }));
  const enough = setTimeout(() => carrier.abort(), msMax);
  try {
    const stream = createMux(carrier, { role: "client" }).open(AGENT_STREAM.probe);
    const message = await messageReader(stream).next();
    return message === undefined ? undefined : parseProbeAnswer(message.head);
  } catch {
    return undefined;
  } finally {
    clearTimeout(enough);
    carrier.abort();
  }
}
