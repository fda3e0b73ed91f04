/**
 * `make prove-websocket`: WebSocket through the proxy, with clients and servers nobody here wrote: the Python package
 * `websockets` and the npm package `ws`, each against the other and itself; over HTTP/2 (RFC 8441), through two sidecars,
 * Node's `http2` with `ws` against itself and the Python package `hypercorn`.
 */
import { join } from "node:path";
import { listen, type Listening } from "../../proxy/tcp/listen.ts";
import { serveHttp } from "../../proxy/http/exchange.ts";
import { acceptInbound } from "../../proxy/sidecar/inbound.ts";
import { acceptOutbound } from "../../proxy/sidecar/outbound.ts";
import { run } from "../cluster/run.ts";
import { nodePeers, pythonWithPeers } from "../peers/peers.ts";
import { type PeerProgram, startProgram } from "../peers/program.ts";
import { front, pod, redirected, service } from "../unit/proxy/raw-peers.ts";

interface Program {
  readonly name: string;
  readonly argv: readonly string[];
}

interface Server extends Program {
  /** What clients are told beside its port: the version of HTTP, and cases that it has no means for. */
  readonly told: readonly string[];
}

const PROGRAMS = join(import.meta.dir, "../projects/websocket");
const [python, packages] = [await pythonWithPeers(), await nodePeers()];
const servers: readonly Server[] = [
  { name: "ws", argv: ["node", join(PROGRAMS, "server.mjs"), packages], told: ["http1"] },
  { name: "websockets", argv: [python, join(PROGRAMS, "server.py")], told: ["http1"] },
];
const wsClient: Program = { name: "ws", argv: ["node", join(PROGRAMS, "client.mjs"), packages] };
const clients: readonly Program[] = [wsClient, { name: "websockets", argv: [python, join(PROGRAMS, "client.py")] }];
const serversOverHttp2: readonly Server[] = [
  { name: "ws over HTTP/2", argv: ["node", join(PROGRAMS, "server.mjs"), packages, "http2"], told: ["http2"] },
  {
    name: "hypercorn over HTTP/2",
    argv: [python, join(PROGRAMS, "server-http2.py")],
    // It gives its connection up when a stream ends that it has closed itself, and answers fragments with pings between
    // in disorder, without a proxy too.
    told: [
      "http2-each",
      "fragments",
      "a ping from the server",
      "the server breaks the connection",
      "the client closes",
    ],
  },
];

for (const server of servers)
  for (const client of clients) {
    const program = await startProgram(server.argv);
    const proxy = oneProxy(program.port);
    await play(client, server, proxy.port);
    proxy.stop();
    await program.stop();
  }
for (const server of serversOverHttp2) {
  const program = await startProgram(server.argv);
  const proxies = twoSidecars(program);
  await play(wsClient, server, proxies.port);
  proxies.stop();
  await program.stop();
}
// oxlint-disable-next-line unicorn/no-process-exit -- the end of a program, whose relayed connections may be open still
process.exit(0);

function oneProxy(port: number): Listening {
  const target = { address: "127.0.0.1", port };
  return listen({
    hostname: "127.0.0.1",
    port: 0,
    accept: (wire) =>
      serveHttp({
        client: wire,
        policy: { decide: () => ({ kind: "forward", targets: [target] }), unreachable: () => undefined },
      }),
  });
}

/** As between two pods, on a port declared HTTP. */
function twoSidecars({ port }: PeerProgram): Pick<Listening, "port" | "stop"> {
  const inbound = front(redirected(acceptInbound(declared(port))));
  const outbound = front(redirected(acceptOutbound(declared(inbound.port))));
  return {
    port: outbound.port,
    stop: () => {
      outbound.stop();
      inbound.stop();
    },
  };
}

function declared(port: number): ReturnType<typeof pod> {
  const ports = [{ name: "http", port, target: port, hint: "http" as const }];
  const services = [service({ namespace: "dev", name: "web", ports, endpoints: ["127.0.0.1"] })];
  return pod({ address: "127.0.0.1", port }, { services });
}

async function play(client: Program, server: Server, port: number): Promise<void> {
  const said = await run([...client.argv, String(port), ...server.told]);
  for (const line of said.trim().split("\n"))
    console.log(
      line.replace(/^(ok|FAIL) /, (_, verdict: string) => `${verdict.padEnd(4)} ${client.name} to ${server.name}: `),
    );
}
