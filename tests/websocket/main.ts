/**
 * `make prove-websocket`: WebSocket through the proxy, with clients and servers nobody here wrote: the Python package
 * `websockets` and the npm package `ws`, each against the other and itself.
 */
import { join } from "node:path";
import { listen } from "../../proxy/http/listen.ts";
import { serveHttp } from "../../proxy/http/exchange.ts";
import { run } from "../cluster/run.ts";
import { nodePeers, pythonWithPeers } from "../peers/peers.ts";
import { startProgram } from "../peers/program.ts";

const PROGRAMS = join(import.meta.dir, "../projects/websocket");
const [python, packages] = [await pythonWithPeers(), await nodePeers()];
const servers: readonly Peer[] = [
  { name: "ws", argv: ["node", join(PROGRAMS, "server.mjs"), packages] },
  { name: "websockets", argv: [python, join(PROGRAMS, "server.py")] },
];
const clients: readonly Peer[] = [
  { name: "ws", argv: ["node", join(PROGRAMS, "client.mjs"), packages] },
  { name: "websockets", argv: [python, join(PROGRAMS, "client.py")] },
];

interface Peer {
  readonly name: string;
  readonly argv: readonly string[];
}

for (const server of servers) for (const client of clients) await provePair(server, client);

async function provePair(server: Peer, client: Peer): Promise<void> {
  const program = await startProgram(server.argv);
  const target = { address: "127.0.0.1", port: program.port };
  const proxy = listen({
    hostname: "127.0.0.1",
    port: 0,
    accept: (wire) =>
      serveHttp({
        client: wire,
        policy: { decide: () => ({ kind: "forward", targets: [target] }), unreachable: () => undefined },
      }),
  });
  const said = await run([...client.argv, String(proxy.port)]);
  for (const line of said.trim().split("\n"))
    console.log(
      line.replace(/^(ok|FAIL) /, (_, verdict: string) => `${verdict.padEnd(4)} ${client.name} to ${server.name}: `),
    );
  proxy.stop();
  await program.stop();
}
