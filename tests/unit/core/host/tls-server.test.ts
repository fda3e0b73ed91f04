import { afterEach, expect, test } from "bun:test";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect as connectTcp } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { issueServer, makeAuthority } from "../../../../controller/certificates/pki.ts";
import { serveHttps, serveTls, type HttpsOptions, type SecureServer } from "../../../../core/host/tls-server.ts";

const authority = await makeAuthority(Date.now());
const first = await issueServer(authority, ["localhost", "first"], Date.now());
const second = await issueServer(authority, ["localhost", "second"], Date.now());

const servers: SecureServer[] = [];
const sockets: { destroy: () => void }[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map(async (server) => server.close()));
});

function greet(_request: IncomingMessage, response: ServerResponse): void {
  response.end("hello");
}

async function https(options: Partial<HttpsOptions> = {}): Promise<SecureServer> {
  const server = await serveHttps({ port: 0, certificate: first, onRequest: greet, ...options });
  servers.push(server);
  return server;
}

async function open(port: number, alpn: readonly string[] = ["http/1.1"]): Promise<TLSSocket> {
  const socket = connect({
    port,
    host: "127.0.0.1",
    servername: "localhost",
    ca: authority.cert,
    ALPNProtocols: [...alpn],
  });
  sockets.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("The handshake failed")));
  });
  socket.on("error", () => undefined);
  return socket;
}

async function names(port: number): Promise<string | undefined> {
  return (await open(port)).getPeerCertificate().subjectaltname;
}

async function received(socket: TLSSocket, text: string): Promise<string> {
  let all = "";
  while (!all.includes(text)) {
    const bytes = await new Promise<Buffer>((resolve, reject) => {
      socket.once("data", resolve);
      socket.once("close", () => reject(new Error(`Closed after ${all}`)));
    });
    all += bytes.toString();
  }
  return all;
}

async function closed(socket: { once: (event: "close", listener: () => void) => unknown }): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
}

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

test("serveHttps() answers HTTP/1.1 and keeps the connection", async () => {
  const socket = await open((await https()).port);
  expect(socket.alpnProtocol).toBe("http/1.1");
  for (let request = 0; request < 2; request += 1) {
    socket.write(GET);
    expect(await received(socket, "hello")).toStartWith("HTTP/1.1 200");
  }
});

test("serveHttps() refuses clients that speak only HTTP/2", async () => {
  const { port } = await https();
  expect(open(port, ["h2"])).rejects.toThrow();
});

test("reload() shows the new certificate to new connections and leaves open ones alone", async () => {
  const server = await https();
  const before = await open(server.port);
  expect(await names(server.port)).toContain("first");
  server.reload(second);
  expect(await names(server.port)).toContain("second");
  before.write(GET);
  expect(await received(before, "hello")).toStartWith("HTTP/1.1 200");
});

test("reload() throws for a pair that does not match and keeps the certificate before", async () => {
  const server = await https();
  expect(() => server.reload({ cert: second.cert, key: first.key })).toThrow();
  expect(() => server.reload({ cert: "none", key: "none" })).toThrow();
  expect(await names(server.port)).toContain("first");
});

test("A server without certificate fails handshakes until the first reload()", async () => {
  const server = await https({ certificate: undefined });
  expect(open(server.port)).rejects.toThrow();
  server.reload(first);
  expect(await names(server.port)).toContain("first");
});

test("reload() under load loses no connection", async () => {
  const server = await https();
  const answers: string[] = [];
  const client = async (): Promise<void> => {
    for (let request = 0; request < 10; request += 1) {
      const socket = await open(server.port);
      socket.write(GET);
      answers.push(await received(socket, "hello"));
      socket.destroy();
    }
  };
  const clients = Promise.all([client(), client(), client(), client()]);
  for (let swap = 0; swap < 10; swap += 1) {
    server.reload(swap % 2 === 0 ? second : first);
    await Bun.sleep(1);
  }
  await clients;
  expect(answers.filter((answer) => answer.startsWith("HTTP/1.1 200"))).toHaveLength(40);
});

test("serveHttps() survives plain text, rubbish and clients that vanish", async () => {
  const { port } = await https();
  const plain = connectTcp(port, "127.0.0.1", () => plain.write(GET));
  plain.on("error", () => undefined);
  sockets.push(plain);
  await closed(plain);
  const rubbish = await open(port);
  rubbish.write("\0\x01rubbish\r\n\r\n");
  await closed(rubbish);
  const vanishing = await open(port);
  vanishing.write("GET / HTTP/1.1\r\nHost:");
  vanishing.destroy();
  expect(await names(port)).toContain("first");
});

test("close() lets the request at work finish and ends idle connections", async () => {
  const response = Promise.withResolvers<ServerResponse>();
  const server = await https({ onRequest: (_request, pending) => response.resolve(pending) });
  const idle = await open(server.port);
  const busy = await open(server.port);
  busy.write(GET);
  const answer = await response.promise;
  const idleClosed = closed(idle);
  const done = server.close();
  await idleClosed;
  answer.end("late");
  expect(await received(busy, "late")).toStartWith("HTTP/1.1 200");
  await done;
  expect(open(server.port)).rejects.toThrow();
});

test("serveTls() hands over connections after their handshake", async () => {
  const server = await serveTls({ port: 0, certificate: first, onConnection: (socket) => void socket.pipe(socket) });
  servers.push(server);
  const socket = await open(server.port, []);
  socket.write("over and back");
  expect(await received(socket, "back")).toBe("over and back");
});

test("serveTls() needs no listener for a connection that breaks", async () => {
  const connections: TLSSocket[] = [];
  const server = await serveTls({
    port: 0,
    certificate: first,
    onConnection: (socket) => void connections.push(socket),
  });
  servers.push(server);
  const socket = await open(server.port, []);
  while (connections.length === 0) await Bun.sleep(1);
  connections[0]?.destroy(new Error("broken"));
  await closed(socket);
  expect(await names(server.port)).toContain("first");
});

test("A port that is taken rejects", async () => {
  const { port } = await https();
  expect(serveHttps({ port, onRequest: () => undefined })).rejects.toThrow();
});
