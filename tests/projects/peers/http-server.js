// HTTP beyond one answer to one request. Every answer names the space it comes from.
const { createHash } = require("node:crypto");
const http = require("node:http");

const space = process.env.SPACE;
const connections = new WeakMap();
let connectionCount = 0;
let sendSecondEvent = () => {};

async function text(request) {
  let body = "";
  for await (const part of request) body += part;
  return body;
}

/** Passes on every header it got, as careless applications do. */
function copy(request, response, host) {
  const onward = http.request({ host, path: "/seen", headers: request.rawHeaders, setHost: false, agent: false }, (answer) => {
    response.setHeader("x-copied-by", space);
    answer.pipe(response);
  });
  onward.on("error", (error) => response.end(String(error))).end();
}

const routes = {
  "/seen": (request, response) => response.end(JSON.stringify({ space, headers: request.rawHeaders })),
  "/copy": (request, response, url) => copy(request, response, url.searchParams.get("to")),
  "/connection": (request, response) => response.end(String(connections.get(request.socket))),
  "/events": (request, response) => {
    response.setHeader("content-type", "text/event-stream");
    response.write("data: first\n\n");
    sendSecondEvent = () => response.end("data: second\n\n");
  },
  "/second-event": (request, response) => {
    sendSecondEvent();
    response.end();
  },
  "/long": (request, response) => {
    response.setHeader("content-length", 100_000);
    response.end("x".repeat(100_000));
  },
  "/trailers": async (request, response) => {
    const body = await text(request);
    response.setHeader("trailer", "x-sum");
    for (const part of ["one ", "two ", "three"]) response.write(part);
    response.addTrailers({ "x-sum": `${body} ${request.trailers["x-sent"]}` });
    response.end();
  },
};

/** RFC 6455: greets, then answers one short masked text frame with its content. */
function websocket(request, socket) {
  const key = request.headers["sec-websocket-key"];
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accept}`, `X-Space: ${space}`];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  socket.write(frame("hello"));
  socket.once("data", (bytes) => {
    const mask = bytes.subarray(2, 6);
    const content = bytes.subarray(6).map((byte, i) => byte ^ mask[i % 4]);
    socket.end(frame(`you said ${content.toString()}`));
  });
}

function frame(content) {
  return Buffer.concat([Buffer.from([0x81, content.length]), Buffer.from(content)]);
}

exports.start = () => {
  for (const port of [8080, 18080]) {
    const server = http.createServer((request, response) => {
      const url = new URL(request.url, "http://peers");
      response.setHeader("x-space", space);
      return routes[url.pathname](request, response, url);
    });
    server.on("connection", (socket) => connections.set(socket, (connectionCount += 1)));
    server.on("upgrade", websocket);
    server.listen(port);
  }
};
