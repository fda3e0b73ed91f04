/** HTTP/2 at the gateway's port for HTTP. */
import { expect, test } from "bun:test";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import { RouteTable } from "../../../../core/routing.ts";
import { issueServer, makeAuthority } from "../../../../controller/certificates/pki.ts";
import { Certificates } from "../../../../proxy/gateway/certificates.ts";
import { decideFromOutside } from "../../../../proxy/gateway/decide.ts";
import { listenTls } from "../../../../proxy/gateway/tls-listener.ts";
import { serveEitherVersion } from "../../../../proxy/http2/either-version.ts";
import { http2Server } from "../http2/http2-peers.ts";
import { front, namedServer, rawClient, service, snapshot } from "../raw-peers.ts";

test("serveEitherVersion() routes both versions by host, and takes away what only the gateway may say", async () => {
  const [grpc, web] = [await http2Server("from-grpc"), await namedServer("from-web")];
  const record = (name: string, { address, port }: { readonly address: string; readonly port: number }) =>
    service({ namespace: "dev", name, ports: [{ name: "http", port: 80, target: port }], endpoints: [address] });
  const table = new RouteTable();
  table.apply(snapshot([record("grpc", grpc), record("web", web)]));
  const door = { table, hostSuffix: ".gw.test", trustExternalHeader: false };
  const listening = front((client) =>
    serveEitherVersion({
      client,
      policy: {
        decide: (head) => decideFromOutside(door, { scheme: "http", peer: "192.0.2.1" }, head),
        unreachable: () => ({ kind: "answer", status: 502, text: "unreachable\n" }),
      },
    }),
  );
  const session = connect(`http://127.0.0.1:${listening.port}`);
  const ask = async (authority: string): Promise<string> => {
    const stream = session.request({
      ":path": "/",
      ":authority": authority,
      "azds-route-as": "alice",
      "x-forwarded-for": "198.51.100.9",
    });
    let text = "";
    stream.setEncoding("utf8");
    stream.on("data", (part: string) => {
      text += part;
    });
    await once(stream, "end");
    return text;
  };
  expect(await ask("dev.grpc.gw.test")).toBe("from-grpc");
  expect(grpc.requests[0]).toMatchObject({ "x-forwarded-for": "192.0.2.1", "x-forwarded-host": "dev.grpc.gw.test" });
  expect(grpc.requests[0]).not.toHaveProperty("azds-route-as");
  expect(await ask("nobody.home")).toContain("http://dev.grpc.gw.test/");
  const plain = await rawClient(listening.port, "GET / HTTP/1.1\r\nHost: dev.web.gw.test\r\n\r\n");
  await plain.until("from-web");
  plain.socket.destroy();
  session.destroy();
  listening.stop();
  await Promise.all([grpc.close(), web.close()]);
});

test("a client of HTTP/2 over TLS is routed like one without", async () => {
  const grpc = await http2Server("from-grpc", { connects: true });
  const ports = [{ name: "http", port: 80, target: grpc.port }];
  const table = new RouteTable();
  table.apply(snapshot([service({ namespace: "dev", name: "grpc", ports, endpoints: [grpc.address] })]));
  const door = { table, hostSuffix: ".gw.test", trustExternalHeader: false };
  const authority = await makeAuthority(Date.now());
  const certificates = new Certificates();
  certificates.setDefault(await issueServer(authority, ["dev.grpc.gw.test"], Date.now()));
  const tls = await listenTls({
    port: 0,
    contextFor: (name) => certificates.find([], name),
    accept: (client) =>
      serveEitherVersion({
        client,
        policy: {
          decide: (head) => decideFromOutside(door, { scheme: "https", peer: "192.0.2.1" }, head),
          unreachable: () => undefined,
        },
      }),
  });
  const session = connect(`https://127.0.0.1:${tls.port}`, { ca: authority.cert, servername: "dev.grpc.gw.test" });
  const stream = session.request({ ":path": "/", ":authority": "dev.grpc.gw.test" });
  stream.setEncoding("utf8");
  expect(await once(stream, "data")).toEqual(["from-grpc"]);
  expect(grpc.requests[0]).toMatchObject({ "x-forwarded-proto": "https" });
  const asks = { ":method": "CONNECT", ":protocol": "websocket", ":scheme": "https", ":path": "/chat" };
  const socket = session.request({ ...asks, ":authority": "dev.grpc.gw.test" }, { endStream: false });
  socket.setEncoding("utf8").write("through a tunnel");
  expect(await once(socket, "data")).toEqual(["through a tunnel"]);
  expect(grpc.requests[1]).toMatchObject({ ":protocol": "websocket", "x-forwarded-host": "dev.grpc.gw.test" });
  session.destroy();
  tls.stop();
  await grpc.close();
});

test("what a server of HTTP/1.1 alone cannot be asked is answered in its place, a WebSocket with 501", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const target = { address: "127.0.0.1", port };
  const listening = front((client) =>
    serveEitherVersion({
      client,
      policy: { decide: () => ({ kind: "forward", targets: [target] }), unreachable: () => undefined },
    }),
  );
  const session = connect(`http://127.0.0.1:${listening.port}`);
  while (!session.remoteSettings?.enableConnectProtocol) await once(session, "remoteSettings");
  const ask = async (fields: OutgoingHttpHeaders, endStream: boolean): Promise<readonly [number, string]> => {
    const stream = session.request({ ":path": "/", ...fields }, { endStream });
    const [response] = (await once(stream, "response")) as [IncomingHttpHeaders];
    let text = "";
    for await (const part of stream) text += String(part);
    return [Number(response[":status"]), text];
  };
  const asks = { ":method": "CONNECT", ":protocol": "websocket", ":scheme": "http", ":authority": "web" };
  expect(await ask(asks, false)).toEqual([501, "The server does not take `websocket` over HTTP/2 (RFC 8441)\n"]);
  expect(await ask({}, true)).toEqual([502, "The server does not speak HTTP/2\n"]);
  session.destroy();
  listening.stop();
  server.close();
});
