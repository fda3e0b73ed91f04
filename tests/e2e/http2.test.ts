/** One HTTP/2 connection whose streams belong to two spaces. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { deployClient, startClient } from "./support/chain.ts";
import { apply, enabledCluster, kubectlOk } from "./support/cluster.ts";
import { labelSpaces, removeSpaces } from "./support/spaces.ts";

const SPACES = { streams: "root", "streams-child": "streams" } as const;
const URL = "http://web.streams.svc.cluster.local";

/**
 * Answers with its space, the number of the connection, and whether it saw the mark between sidecars; through a tunnel
 * (RFC 8441), with its space in front of what it was sent.
 */
const SERVER = `let connections = 0;
require("http2").createServer({ settings: { enableConnectProtocol: true } }).on("stream", (stream, headers) => {
  stream.session.number ??= ++connections;
  stream.respond({ ":status": 200 });
  if (headers[":protocol"] === "websocket") {
    stream.on("data", (part) => stream.write(process.env.SPACE + ": " + part)).on("end", () => stream.end());
    return;
  }
  stream.end([process.env.SPACE, stream.session.number, headers["azds-routed-to"] ?? "unmarked"].join(" "));
}).listen(8080);`;

/** Two streams at a time, one of each space, over one connection; prints the answers of each space once. */
const CLIENT = `const { connect } = require("http2");
const session = connect(process.argv[1]);
session.on("error", (error) => { console.log(error.code); process.exit(); });
const ask = (space) => new Promise((resolve) => {
  const stream = session.request({ ":path": "/", ...(space ? { "azds-route-as": space } : {}) });
  let text = "";
  stream.setEncoding("utf8").on("data", (part) => { text += part; }).on("end", () => resolve(text)).on("error", (error) => resolve(error.code));
});
(async () => {
  const answers = { without: new Set(), child: new Set() };
  for (let i = 0; i < 50; i += 1) {
    const [without, child] = await Promise.all([ask(), ask("streams-child")]);
    answers.without.add(without);
    answers.child.add(child);
  }
  console.log(JSON.stringify({ without: [...answers.without], child: [...answers.child] }));
  process.exit();
})();`;

/** A tunnel to each space, once it is offered; prints what came through both. */
const TUNNELS = `const { connect } = require("http2");
const session = connect(process.argv[1]);
session.on("error", (error) => { console.log(error.code); process.exit(); });
const ask = (space) => new Promise((resolve) => {
  const fields = { ":method": "CONNECT", ":protocol": "websocket", ":scheme": "http", ":path": "/", ":authority": "web" };
  const stream = session.request({ ...fields, ...(space ? { "azds-route-as": space } : {}) }, { endStream: false });
  let text = "";
  stream.setEncoding("utf8").on("data", (part) => { text += part; }).on("end", () => resolve(text)).on("error", (error) => resolve(error.code));
  stream.end("hello");
});
session.on("remoteSettings", async ({ enableConnectProtocol }) => {
  if (!enableConnectProtocol) return;
  console.log(JSON.stringify(await Promise.all([ask(), ask("streams-child")])));
  process.exit();
});`;

async function deploy(space: string): Promise<void> {
  const metadata = { name: "web", namespace: space };
  const container = {
    name: "app",
    image: "docker.io/library/node:20-alpine",
    imagePullPolicy: "IfNotPresent",
    command: ["node", "-e", SERVER],
    env: [{ name: "SPACE", value: space }],
    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
  };
  await apply([
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { selector: { app: "web" }, ports: [{ name: "http2", port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { ...metadata, labels: { app: "web" } },
      spec: { terminationGracePeriodSeconds: 1, containers: [container] },
    },
  ]);
  await kubectlOk(["-n", space, "wait", "--for=condition=Ready", "pod/web", "--timeout=60s"]);
}

beforeAll(async () => {
  await enabledCluster();
  await labelSpaces(SPACES);
  await Promise.all([deployClient(), deploy("streams"), deploy("streams-child")]);
}, 240_000);

afterAll(async () => {
  await removeSpaces(SPACES);
}, 60_000);

test("each stream of a connection goes to its space, over one connection each, and no mark reaches an application", async () => {
  let said = "";
  // A new Service reaches the sidecars a moment after it is ready, and its cluster IP the nodes a moment later: until then
  // a pod of it is dialled, and left for the cluster IP as soon as that answers.
  for (let attempt = 0; attempt < 10 && !/"child":\["streams-child \d+ unmarked"\]/.test(said); attempt += 1) {
    if (attempt > 0) await Bun.sleep(500);
    const client = startClient(CLIENT, [URL]);
    said = await client.until(/\n/);
    await client.stop();
  }
  const answers: unknown = JSON.parse(said.trim());
  expect(answers).toEqual({
    without: [expect.stringMatching(/^streams \d+ unmarked$/)],
    child: [expect.stringMatching(/^streams-child \d+ unmarked$/)],
  });
}, 60_000);

test("a WebSocket over HTTP/2 goes to its space, once the application has offered to take it", async () => {
  const client = startClient(TUNNELS, [URL]);
  const said = await client.until(/\n/);
  await client.stop();
  expect(JSON.parse(said.trim())).toEqual(["streams: hello", "streams-child: hello"]);
}, 60_000);
