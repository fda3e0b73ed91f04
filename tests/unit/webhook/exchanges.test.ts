import { afterEach, expect, test } from "bun:test";
import { connect, type TLSSocket } from "node:tls";
import type { SecureServer } from "../../../core/host/tls-server.ts";
import { type Exchange, type ExchangeOptions, serveExchanges } from "../../../webhook/exchanges.ts";
import { testCertificate } from "../../fakes/certificate.ts";

const certificate = await testCertificate();
const BODY_MAX = 1000;
const servers: SecureServer[] = [];
const sockets: TLSSocket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map(async (server) => server.close()));
});

async function serve(options: Partial<ExchangeOptions> = {}): Promise<SecureServer> {
  const server = await serveExchanges({
    port: 0,
    bodyBytesMax: BODY_MAX,
    respond: async ({ method, target, body }) =>
      Promise.resolve({ status: 200, contentType: "text/plain", body: `${method} ${target} ${body}.` }),
    leaving: () => false,
    ...options,
  });
  server.reload(certificate);
  servers.push(server);
  return server;
}

interface Client {
  readonly send: (text: string) => void;
  /** Resolves with everything received once it contains `text`, or with `closed` behind it at the end. */
  readonly until: (text: string) => Promise<string>;
}

async function open({ port }: SecureServer): Promise<Client> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  sockets.push(socket);
  let received = "";
  let wake = (): void => {};
  socket.on("data", (bytes: Buffer) => {
    received += bytes.toString("utf8");
    wake();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    received += "closed";
    wake();
  });
  await new Promise<void>((resolve) => {
    socket.once("secureConnect", () => resolve());
  });
  const until = async (text: string): Promise<string> => {
    while (!received.includes(text) && !received.endsWith("closed")) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return received;
  };
  return { send: (text) => void socket.write(text), until };
}

function post(body: string, head = ""): string {
  return `POST /pods HTTP/1.1\r\nHost: x\r\n${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

test("answers requests in turn on one connection, whole, split and pipelined", async () => {
  const client = await open(await serve());
  client.send(post("ä"));
  expect(await client.until("ä.")).toStartWith("HTTP/1.1 200");
  for (const part of post("split").split(/(?<=\n|sp)/)) {
    client.send(part);
    await Bun.sleep(1);
  }
  await client.until("split.");
  client.send(post("one") + post("two") + post("three"));
  expect((await client.until("three.")).match(/one\.|two\.|three\./g)).toEqual(["one.", "two.", "three."]);
});

test("refuses what it cannot read, says why and ends the connection", async () => {
  const server = await serve();
  const answerTo = async (request: string): Promise<string> => {
    const client = await open(server);
    client.send(request);
    return client.until("closed");
  };
  expect(await answerTo("rubbish\r\n\r\n")).toStartWith("HTTP/1.1 400");
  expect(await answerTo("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")).toStartWith("HTTP/1.1 411");
  expect(await answerTo(post("x".repeat(BODY_MAX + 1)))).toStartWith("HTTP/1.1 413");
  expect(await answerTo(post("bye", "Connection: close\r\n"))).toEndWith("bye.closed");
});

test("runs what comes after an answer only behind it", async () => {
  const order: string[] = [];
  const respond = async (exchange: Exchange) => {
    await Promise.resolve();
    order.push("answered");
    return { status: 200, contentType: "text/plain", body: exchange.body, after: () => void order.push("after") };
  };
  const client = await open(await serve({ respond }));
  client.send(post("done"));
  await client.until("done");
  expect(order).toEqual(["answered", "after"]);
});

test("close() ends idle connections at once and lets an answer under way out", async () => {
  const { promise: held, resolve: finish } = Promise.withResolvers<void>();
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const respond = async () => {
    start();
    await held;
    return { status: 200, contentType: "text/plain", body: "late" };
  };
  const server = await serve({ respond });
  const [idle, busy] = [await open(server), await open(server)];
  busy.send(post("x"));
  await started;
  const closed = server.close();
  expect(await idle.until("closed")).toBe("closed");
  finish();
  expect(await busy.until("closed")).toMatch(/connection: close\r\n\r\nlateclosed$/);
  await closed;
});
