/** The agent's door for the CLI: reached by port-forward, so it listens on loopback only and asks nobody's name. */
import { createServer, type Socket } from "node:net";
import { AzdsError } from "../../core/errors.ts";
import { systemClock } from "../../core/host/clock.ts";
import { AGENT_FAREWELL_MS_MAX } from "../../core/limits.ts";
import type { ByteStream } from "../../core/wire/byte-stream.ts";
import { createMux, type Mux } from "../../core/wire/mux.ts";
import { streamOfSocket } from "../../core/wire/socket-stream.ts";
import { atMost } from "./at-most.ts";

/** What serves a stream, by its name. A rejection breaks that stream only. */
export type StreamHandlers = Readonly<Record<string, (stream: ByteStream) => Promise<void>>>;

export interface AgentServer {
  readonly port: number;
  /** Accepts nothing more, lets streams at work finish and says farewell; all in at most 2 × AGENT_FAREWELL_MS_MAX. */
  readonly close: () => Promise<void>;
}

export interface AgentServerOptions {
  /** 0 takes any free port. */
  readonly port: number;
  readonly handlers: StreamHandlers;
}

/** Rejects when the port cannot be had, as when the pod has a second agent. */
export async function serveAgent({ port, handlers }: AgentServerOptions): Promise<AgentServer> {
  const connections = new Set<Mux>();
  const serving = new Set<Promise<void>>();
  const accept = (name: string, stream: ByteStream): void => {
    const served = serve(handlers, name, stream);
    serving.add(served);
    void served.then(() => serving.delete(served));
  };
  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
    const mux = createMux(streamOfSocket(socket), { role: "server", accept });
    connections.add(mux);
    void mux.closed.then(() => connections.delete(mux));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1" }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    close: async () => {
      server.close();
      await atMost(systemClock, AGENT_FAREWELL_MS_MAX, Promise.all(serving));
      const farewells = [...connections].map((mux) => mux.close());
      await atMost(systemClock, AGENT_FAREWELL_MS_MAX, Promise.all(farewells));
    },
  };
}

/** Never rejects: what goes wrong is the stream's. */
async function serve(handlers: StreamHandlers, name: string, stream: ByteStream): Promise<void> {
  const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
  try {
    if (handler === undefined) throw new AzdsError("PROTOCOL", `The agent has no stream \`${name}\``);
    await handler(stream);
  } catch (error) {
    stream.abort(error instanceof Error ? error : undefined);
  }
}
