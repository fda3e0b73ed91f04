const http = require("node:http");
const net = require("node:net");

/** One command to Redis in its inline form; resolves with the integer of its reply. */
function redis(command) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(6379, "redis", () => socket.write(`${command}\r\n`));
    let reply = "";
    socket.setTimeout(5000, () => socket.destroy(new Error("Redis does not answer")));
    socket.on("error", reject);
    socket.on("data", (bytes) => {
      reply += bytes;
      if (!reply.endsWith("\r\n")) return;
      socket.end();
      if (reply.startsWith(":")) resolve(Number(reply.slice(1)));
      else reject(new Error(`Redis answered ${reply.trim()}`));
    });
  });
}

const server = http.createServer(async (request, response) => {
  if (request.url === "/healthz") return response.end("ok");
  try {
    const items = await redis(request.method === "POST" ? "INCR items" : "INCRBY items 0");
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ items, answeredBy: [{ service: "basket", space: process.env.SPACE }] }));
  } catch (error) {
    response.writeHead(503).end(error.message);
  }
});
server.listen(process.env.PORT, () => console.log(`basket listens on ${process.env.PORT}`));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
