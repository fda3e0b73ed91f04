// The server's side of the cases, with the package `ws` of the folder that the first argument names; over HTTP/2 where
// the second says so.
import { createRequire } from "node:module";
import { serveOverHttp2 } from "./over-http2.mjs";

const ws = createRequire(`${process.argv[2]}/`)("ws");
const LIMIT = 64 * 1024 * 1024;
/** How connections ended, by the name in their path. */
const ends = new Map();

const options = {
  maxPayload: LIMIT,
  perMessageDeflate: { threshold: 0 },
  handleProtocols: (offered) => (offered.has("second") ? "second" : false),
};
if (process.argv[3] === "http2") serveOverHttp2(ws, options, accept);
else {
  const server = new ws.WebSocketServer({ ...options, port: 0, host: "127.0.0.1" });
  server.on("listening", () => console.log(`port ${server.address().port}`));
  server.on("connection", accept);
}

function accept(socket, request) {
  const [, kind, name] = request.url.split("/");
  socket.on("error", () => {});
  socket.on("close", (code, reason) => ends.set(name, `${code} ${reason}`));
  socket.on("message", (data, binary) => serve(socket, kind, name, binary ? data : data.toString()));
}

function serve(socket, kind, name, data) {
  if (kind === "echo") socket.send(data);
  if (kind === "fragments") sendFragments(socket, data);
  if (kind === "close") socket.close(Number(data), "told to");
  if (kind === "abort") socket.terminate();
  if (kind === "ping") {
    socket.ping(data);
    socket.once("pong", (payload) => socket.send(payload.toString()));
  }
  if (kind === "end") awaitEnd(socket, name);
  if (kind === "flood") for (let i = 0; i < Number(data); i += 1) socket.send(String(i));
}

function sendFragments(socket, data) {
  const size = Math.ceil(data.length / 7);
  for (let at = 0; at < data.length; at += size) {
    socket.send(data.slice(at, at + size), { fin: at + size >= data.length });
    socket.ping("between");
  }
}

function awaitEnd(socket, name) {
  if (ends.has(name)) socket.send(ends.get(name));
  else setTimeout(() => awaitEnd(socket, name), 20);
}
