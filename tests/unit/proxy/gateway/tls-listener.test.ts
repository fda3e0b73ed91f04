import { expect, test } from "bun:test";
import { once } from "node:events";
import { connect, createSecureContext } from "node:tls";
import { issueServer, makeAuthority } from "../../../../controller/certificates/pki.ts";
import { listenTls } from "../../../../proxy/gateway/tls-listener.ts";
import { serveHttp } from "../../../../proxy/http/exchange.ts";
import { rawServer } from "../raw-peers.ts";

/** Each of its 4 bytes at a place says which place that is. */
function counted(bytes: number): Buffer {
  const body = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += 4) body.writeUInt32LE(at, at);
  return body;
}

test("a large body reaches a slow client over TLS as it was sent", async () => {
  const body = counted(6 * 1024 * 1024);
  const server = await rawServer((socket) => {
    socket.once("data", () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
    });
  });
  const authority = await makeAuthority(Date.now());
  const { cert, key } = await issueServer(authority, ["dev.web.gw.test"], Date.now());
  const context = createSecureContext({ cert, key });
  const tls = await listenTls({
    port: 0,
    contextFor: () => context,
    accept: (client) =>
      serveHttp({
        client,
        policy: { decide: () => ({ kind: "forward", targets: [server] }), unreachable: () => undefined },
      }),
  });
  const client = connect({ port: tls.port, host: "127.0.0.1", ca: authority.cert, servername: "dev.web.gw.test" });
  await once(client, "secureConnect");
  client.write("GET / HTTP/1.1\r\nHost: dev.web.gw.test\r\n\r\n");
  const parts: Buffer[] = [];
  client.on("data", (part: Buffer) => {
    parts.push(part);
    client.pause();
    // Now and then it does something else.
    setTimeout(() => client.resume(), parts.length % 16 === 0 ? 1 : 0);
  });
  while (parts.reduce((sum, part) => sum + part.length, 0) <= body.length) await Bun.sleep(1);
  const answer = Buffer.concat(parts);
  expect(answer.subarray(answer.indexOf("\r\n\r\n") + 4).equals(body)).toBe(true);
  client.destroy();
  tls.stop();
  await server.close();
});
