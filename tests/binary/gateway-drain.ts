/**
 * In a network of its own, with `/run` and `/etc` empty: the gateway's program between clients and a server, asked to stop
 * while requests are under way. Prints what became of each as JSON.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { Agent, request as requestHttp } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2, createServer as createHttp2 } from "node:http2";
import { createServer as createHttps } from "node:https";
import { connect, createServer, type Socket } from "node:net";
import { dirname } from "node:path";
import { issueServer, makeAuthority } from "../../controller/certificates/pki.ts";
import {
  COMPONENT,
  ENV,
  GATEWAY_CA_FOLDER,
  PROGRAM,
  SERVER_PORT,
  SYSTEM_NAMESPACE,
  TOKEN_FILE,
} from "../../core/contract.ts";
import { formatGatewayConfig } from "../../core/gateway-config.ts";
import { FEED_PATH, type FeedMessage } from "../../core/route-table.ts";
import { EXECUTABLE } from "./executable.ts";

const HOST = "127.0.0.1";
const NAME = "dev.web.gw.test";
/** Connects are tried this often after SIGTERM, and the last request is let go this much later than the listener. */
const EVERY_MS = 20;
const AFTER_MS = 500;
const UPGRADE = "Connection: Upgrade\r\nUpgrade: echo\r\n\r\n";

/** Answers `/slow` in two parts, the second once `finish` is called; `/ws` is an upgrade to an echo. */
const waiting: (() => void)[] = [];
await serveHttp1();
await serveHttp2();
await serveFeed();

const gateway = Bun.spawn([EXECUTABLE, PROGRAM.gateway], {
  env: {
    [ENV.gateway]: formatGatewayConfig({ hostSuffix: ".gw.test", controller: HOST, trustExternalHeader: false }),
  },
  stdio: ["ignore", "ignore", "inherit"],
});
while ((await status("/readyz")) !== 200) await Bun.sleep(EVERY_MS);

const idle = await raw(`GET / HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`, "quick");
const http1 = await raw(`GET /slow HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`, "begun ");
const halfClosed = await raw(`GET /slow HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`, "begun ", true);
const webSocket = await raw(`GET /ws HTTP/1.1\r\nHost: ${NAME}\r\n${UPGRADE}`, "101 Switching");
const session = connectHttp2(`http://${HOST}:${SERVER_PORT.gatewayHttp}`);
const goneAway = new Promise<number>((resolve) => session.once("goaway", resolve));
const http2 = await streamOf(session);

gateway.kill("SIGTERM");
const unready = await untilUnready();
const whileLeaving = await quick();
await untilRefused();
const idleEnds = idle.ended.then(() => "ended");
const sessionGoesAway = await goneAway;
await Bun.sleep(AFTER_MS);
const idleNow = await Promise.race([idleEnds, Bun.sleep(AFTER_MS).then(() => "open")]);
webSocket.socket.write("ping");
const webSocketNow = await webSocket.until("ping");
for (const finish of waiting) finish();
const answers = await Promise.all([http1.ended, halfClosed.ended, http2.ended]);
const keepsOpen = process.argv[2] === "open";
if (!keepsOpen) webSocket.socket.end();
const code = await gateway.exited;
console.log(
  JSON.stringify({
    unready,
    whileLeaving,
    idle: idleNow,
    goaway: sessionGoesAway,
    webSocket: webSocketNow.endsWith("ping"),
    answers: answers.map((text) => text.slice(-11)),
    webSocketEnds: keepsOpen ? await webSocket.ended.then(() => true) : true,
    code,
  }),
);
// oxlint-disable-next-line unicorn/no-process-exit -- the end of a program whose servers listen still
process.exit(0);

/** By hand: an answer is owed to clients that have ended their side, too. */
async function serveHttp1(): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {}).on("end", () => {});
    socket.on("data", (bytes) => {
      const [, path] = /^GET (\S+)/.exec(String(bytes)) ?? [];
      if (path === "/ws") {
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${UPGRADE}`);
        socket.removeAllListeners("data").pipe(socket);
      } else if (path === "/slow") {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nbegun ");
        waiting.push(() => socket.write("ended"));
      } else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nquick");
    });
  });
  await new Promise<void>((resolve) => server.listen(8080, HOST, resolve));
}

/** The gateway asks by HTTP/2 what it is asked by HTTP/2. */
async function serveHttp2(): Promise<void> {
  const server = createHttp2((_request, response) => {
    response.write("begun ");
    waiting.push(() => response.end("ended"));
  });
  await new Promise<void>((resolve) => server.listen(8081, HOST, resolve));
}

async function serveFeed(): Promise<void> {
  const authority = await makeAuthority(Date.now());
  const own = await issueServer(authority, [`${COMPONENT.controller}.${SYSTEM_NAMESPACE}.svc`], Date.now());
  for (const [file, text] of [
    [`${GATEWAY_CA_FOLDER}/ca.crt`, authority.cert],
    [TOKEN_FILE, "token"],
  ] as const) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const services = [
    { name: "web", port: 8080 },
    { name: "grpc", port: 8081 },
  ].map(({ name, port }) => {
    const ports = [{ name: "http", port }];
    return { namespace: "dev", name, uid: name, ips: [], ports, endpoints: [HOST] };
  });
  const version = { replica: "a", counter: 1 };
  const first: FeedMessage = { type: "snapshot", version, spaces: [{ name: "dev" }], services };
  const feed = createHttps(own, (request, response) => {
    if (request.url === FEED_PATH) response.write(`${JSON.stringify(first)}\n`);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => feed.listen(443, HOST, resolve));
}

/** 0: nobody answers. */
async function status(path: string): Promise<number> {
  return fetch(`http://${HOST}:${SERVER_PORT.health}${path}`).then(
    (response) => response.status,
    () => 0,
  );
}

async function untilUnready(): Promise<number> {
  for (;;) {
    const found = await status("/readyz");
    if (found !== 200) return found;
    await Bun.sleep(EVERY_MS);
  }
}

/** On a connection of its own. */
async function quick(): Promise<string> {
  return new Promise((resolve) => {
    const options = { host: HOST, port: SERVER_PORT.gatewayHttp, headers: { host: NAME }, agent: new Agent() };
    const sent = requestHttp(options, (response) => {
      let text = "";
      response.on("data", (bytes) => (text += String(bytes))).on("end", () => resolve(text));
    });
    sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message)).end();
  });
}

/** Each connection before is answered. @throws Error when one is not */
async function untilRefused(): Promise<void> {
  for (;;) {
    const answer = await quick();
    if (answer === "ECONNREFUSED") return;
    if (answer !== "quick") throw new Error(`A connection before the end of the listener got: ${answer}`);
    await Bun.sleep(EVERY_MS);
  }
}

interface Conversation {
  readonly socket: Socket;
  readonly until: (text: string) => Promise<string>;
  /** All that came. */
  readonly ended: Promise<string>;
}

/** Resolves once the answer contains `begun`. */
async function raw(send: string, begun: string, halfCloses = false): Promise<Conversation> {
  const socket = connect({ host: HOST, port: SERVER_PORT.gatewayHttp, allowHalfOpen: true });
  let text = "";
  let wake = (): void => {};
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    text += String(bytes);
    wake();
  });
  const ended = new Promise<string>((resolve) => {
    socket.once("end", () => socket.end()).once("close", () => resolve(text));
  });
  const until = async (wanted: string): Promise<string> => {
    while (!text.includes(wanted)) await new Promise<void>((resolve) => (wake = resolve));
    return text;
  };
  socket.write(send);
  if (halfCloses) socket.end();
  await until(begun);
  return { socket, until, ended };
}

async function streamOf(over: ClientHttp2Session): Promise<Pick<Conversation, "ended">> {
  const stream = over.request({ ":path": "/slow", ":authority": "dev.grpc.gw.test" });
  let text = "";
  const begun = new Promise<void>((resolve) => stream.once("data", () => resolve()));
  stream.on("data", (bytes) => (text += String(bytes)));
  const ended = new Promise<string>((resolve) => stream.once("end", () => resolve(text)));
  await begun;
  return { ended };
}
