import { afterEach, expect, test } from "bun:test";
import { createServer, type Server } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { serveLocalGateway } from "../../../../cli/gateway/local-gateway.ts";

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  closers.push(() => server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function gatewayTo(enterPort: number, reason?: string): Promise<string> {
  const stop = new AbortController();
  closers.push(() => stop.abort());
  const port = await serveLocalGateway({ port: 0, enterPort, reason: () => reason, signal: stop.signal });
  return `http://127.0.0.1:${port}/`;
}

test("serveLocalGateway() serves no host that could be somebody else's", async () => {
  const url = await gatewayTo(await portOf(createServer((request, response) => response.end(request.headers.host))));
  for (const host of ["dev.web.example.com", "localhost.example.com", "web.dev:8090", "10.0.0.1"]) {
    expect((await fetch(url, { headers: { host } })).status).toBe(421);
  }
});

test("serveLocalGateway() hands the host name on", async () => {
  const url = await gatewayTo(await portOf(createServer((request, response) => response.end(request.headers.host))));
  const response = await fetch(url, { headers: { host: "alice.s.dev.web.azds.localhost" } });
  expect(await response.text()).toBe("alice.s.dev.web.azds.localhost");
});

test("serveLocalGateway() tries a GET again whose connection broke before an answer", async () => {
  let tries = 0;
  const server = createServer((request, response) => {
    tries += 1;
    if (tries < 3) request.socket.destroy();
    else response.end("third");
  });
  const response = await fetch(await gatewayTo(await portOf(server)));
  expect(`${response.status} ${await response.text()}`).toBe("200 third");
});

test("serveLocalGateway() answers a POST that cannot be repeated with the reason", async () => {
  let tries = 0;
  const server = createServer((request) => {
    tries += 1;
    request.socket.destroy();
  });
  const response = await fetch(await gatewayTo(await portOf(server), "pod `web-1` is starting"), {
    method: "POST",
    body: "x",
  });
  expect(response.status).toBe(503);
  expect(await response.text()).toContain("pod `web-1` is starting");
  expect(tries).toBe(1);
});

test("serveLocalGateway() passes server-sent events on as they come", async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
  });
  const response = await fetch(await gatewayTo(await portOf(server)));
  const reader = response.body?.getReader();
  const first = await reader?.read();
  expect(Buffer.from(first?.value ?? []).toString()).toBe("data: 1\n\n");
  await reader?.cancel();
});

test("serveLocalGateway() says that its port is taken", async () => {
  const holder = createTcpServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", () => resolve()));
  closers.push(() => holder.close());
  const address = holder.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const taken = serveLocalGateway({
    port,
    enterPort: 1,
    reason: () => undefined,
    signal: new AbortController().signal,
  });
  expect(taken).rejects.toThrow(`Local port ${port} for the gateway is held by another program`);
});
