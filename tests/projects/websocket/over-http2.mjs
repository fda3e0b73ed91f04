// WebSocket over HTTP/2 (RFC 8441) of Node's `http2` and the package `ws`, which knows nothing of it: the handshake is
// made here, frames and compression are the package's.
import { once } from "node:events";
import { connect, createServer } from "node:http2";

const DEFLATE = "permessage-deflate";
/** Of one connection; Node refuses streams beyond it. */
const MEGABYTES_MAX = 1_000;

/** A socket of `ws` over one stream. */
function over(ws, stream, { isServer, maxPayload, protocol, deflate }) {
  const socket = new ws.WebSocket(null, undefined, { autoPong: true, maxPendingAutoPongs: 10_000, closeTimeout: 30_000 });
  socket._isServer = isServer;
  socket._protocol = protocol ?? "";
  if (deflate !== undefined) socket._extensions = { [DEFLATE]: deflate };
  socket.setSocket(stream, Buffer.alloc(0), {
    allowSynchronousEvents: true,
    maxBufferedChunks: 1_000_000,
    maxFragments: 100_000,
    maxPayload,
    skipUTF8Validation: false,
  });
  return socket;
}

/** The server's ways are those of `WebSocketServer`: what it is told, and the event `connection`. */
export function serveOverHttp2(ws, { maxPayload, perMessageDeflate, handleProtocols }, onConnection) {
  const server = createServer({ settings: { enableConnectProtocol: true }, maxSessionMemory: MEGABYTES_MAX });
  server.on("session", (session) => session.on("error", () => {}));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    if (headers[":protocol"] !== "websocket" || headers["sec-websocket-version"] !== "13") {
      stream.respond({ ":status": 400 }, { endStream: true });
      return;
    }
    const answer = { ":status": 200 };
    const offered = headers["sec-websocket-protocol"];
    const protocol = offered === undefined ? undefined : handleProtocols(ws.subprotocol.parse(offered));
    if (protocol) answer["sec-websocket-protocol"] = protocol;
    const offers = ws.extension.parse(headers["sec-websocket-extensions"] ?? "x")[DEFLATE];
    const deflate = offers && new ws.PerMessageDeflate({ ...perMessageDeflate, isServer: true, maxPayload });
    if (deflate) {
      deflate.accept(offers);
      answer["sec-websocket-extensions"] = ws.extension.format({ [DEFLATE]: [deflate.params] });
    }
    stream.respond(answer);
    onConnection(over(ws, stream, { isServer: true, maxPayload, protocol, deflate }), { url: headers[":path"] });
  });
  server.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));
}

/** Resolves once the server has offered to take extended CONNECT. */
function connected(port) {
  const session = connect(`http://127.0.0.1:${port}`, { maxSessionMemory: MEGABYTES_MAX });
  session.on("error", () => {});
  return new Promise((resolve) => {
    session.on("remoteSettings", ({ enableConnectProtocol }) => enableConnectProtocol && resolve(session));
  });
}

/** @param isShared whether all sockets are streams of one connection */
export function clientOverHttp2(ws, port, isShared) {
  const shared = isShared ? connected(port) : undefined;
  return async (path, { maxPayload, perMessageDeflate = true }, protocols) => {
    const session = await (shared ?? connected(port));
    const deflate =
      perMessageDeflate && new ws.PerMessageDeflate({ ...perMessageDeflate, isServer: false, maxPayload });
    const stream = session.request(
      {
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":scheme": "http",
        ":path": path,
        ":authority": "web",
        "sec-websocket-version": "13",
        ...(protocols.length > 0 ? { "sec-websocket-protocol": protocols.join(", ") } : {}),
        ...(deflate ? { "sec-websocket-extensions": ws.extension.format({ [DEFLATE]: deflate.offer() }) } : {}),
      },
      { endStream: false },
    );
    stream.on("error", () => {});
    const [answer] = await once(stream, "response");
    if (answer[":status"] !== 200) throw new Error(`answered ${answer[":status"]}`);
    const accepted = answer["sec-websocket-extensions"];
    if (accepted !== undefined) deflate.accept(ws.extension.parse(accepted)[DEFLATE]);
    const protocol = answer["sec-websocket-protocol"];
    return over(ws, stream, { isServer: false, maxPayload, protocol, deflate: accepted && deflate });
  };
}
