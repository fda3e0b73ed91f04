// Serves until its clients had time to hear that it ends: `GET /` says who it is, `POST /` echoes, `/big` sends 1 MB,
// an upgrade and TCP port 4000 echo bytes.
const http = require("node:http");
const net = require("node:net");

const NAME = process.env.NAME;
const BIG = Buffer.alloc(1_000_000, NAME);
/** Endpoints of a pod that ends are taken from all tables well within it. */
const DRAIN_MS = 3000;
let ending = false;

const server = http.createServer((request, response) => {
  response.setHeader("by", NAME);
  if (ending) response.setHeader("connection", "close");
  if (request.method === "POST") request.pipe(response);
  else response.end(request.url === "/big" ? BIG : NAME);
});
server.keepAliveTimeout = 120_000;
server.on("upgrade", (request, socket) => {
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nby: ${NAME}\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n`);
  socket.on("error", () => undefined);
  socket.pipe(socket);
});
server.listen(8080);
net
  .createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
  })
  .listen(4000);

process.on("SIGTERM", () => {
  ending = true;
  setTimeout(() => {
    server.close(() => process.exit(0));
    setTimeout(() => process.exit(0), DRAIN_MS);
  }, DRAIN_MS);
});
