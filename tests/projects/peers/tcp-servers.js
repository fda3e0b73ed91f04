// Protocols that are not HTTP, on the ports that are customary for them and on others.
const { createHash } = require("node:crypto");
const net = require("node:net");
const tls = require("node:tls");
const { readFileSync } = require("node:fs");
const bulk = require("./bulk.js");

const GREETING = Buffer.from("\x4a\0\0\0\x0a8.0.36\0", "latin1");

/** As MySQL: the server speaks first, and again after the client's login. */
function mysql(socket) {
  socket.write(GREETING);
  socket.once("data", (login) => socket.end(`logged in: ${login}`));
}

/** As Redis: one line for each line. */
function redis(socket) {
  let input = "";
  socket.on("data", (bytes) => {
    const lines = (input + bytes).split("\r\n");
    input = lines.pop();
    for (const line of lines) socket.write(line === "PING" ? "+PONG\r\n" : `-ERR ${line}\r\n`);
  });
  socket.on("end", () => socket.end());
}

/** Both ways at once; the digest of what came follows what was sent. */
function duplex(socket) {
  const hash = createHash("sha256");
  const received = new Promise((resolve) => socket.on("end", resolve));
  socket.on("data", (bytes) => hash.update(bytes));
  socket.once("data", async () => {
    await bulk.send(socket, 100);
    await received;
    socket.end(hash.digest("hex"));
  });
}

/** Answers at length, and only after the client's FIN. */
function afterEnd(socket) {
  let received = 0;
  socket.on("data", (bytes) => (received += bytes.length));
  socket.on("end", async () => {
    await bulk.send(socket, 5);
    socket.end(`${received} bytes before the end`);
  });
}

function secure(socket) {
  socket.on("data", (bytes) => socket.end(`secret ${bytes}`));
}

exports.start = () => {
  const servers = { 3306: mysql, 13306: mysql, 6379: redis, 16379: redis, 4000: duplex, 4001: afterEnd };
  for (const [port, onSocket] of Object.entries(servers)) {
    net.createServer({ allowHalfOpen: true }, (socket) => onSocket(socket.on("error", () => {}))).listen(port);
  }
  tls.createServer({ cert: readFileSync("tls.crt"), key: readFileSync("tls.key") }, secure).listen(8443);
};
