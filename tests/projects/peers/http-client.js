// The other side of http-server.js: each case resolves with what it saw.
const { once } = require("node:events");
const http = require("node:http");
const net = require("node:net");

function options(target, path) {
  const { routeAs, ...rest } = target;
  return { ...rest, path, agent: false, headers: routeAs === undefined ? {} : { "azds-route-as": routeAs } };
}

async function response(request) {
  const [answer] = await once(request, "response");
  return answer;
}

async function text(answer) {
  let body = "";
  for await (const part of answer) body += part;
  return body;
}

/** Sends a head byte for byte; the socket is open for more. */
function raw(target, lines) {
  const { routeAs, ...rest } = target;
  const socket = net.connect({ ...rest, allowHalfOpen: true });
  const routing = routeAs === undefined ? [] : [`AZDS-Route-As: ${routeAs}`];
  socket.write(`${[...lines, ...routing, "Connection: close"].join("\r\n")}\r\n\r\n`, "latin1");
  return socket;
}

module.exports = {
  /** A Service answers a moment after its pod is ready: the node's rules follow the API server. */
  reachable: async (target) => {
    for (;;) {
      const answer = await response(http.get(options(target, "/connection"))).catch(() => undefined);
      if (answer !== undefined) return text(answer);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  },

  /** Odd but legal: repeated names, mixed case, empty value. The server behind `/copy` tells what it saw. */
  copied: async (target) => {
    const answer = await text(
      raw(target, ["GET /copy?to=peers HTTP/1.1", "Host: front", "X-Odd: a", "x-odd: b", "X-Empty:"]),
    );
    const [head, body] = answer.split("\r\n\r\n");
    return { by: /x-copied-by: (\S+)/.exec(head)?.[1], seen: JSON.parse(/\{.*\}/.exec(body)[0]) };
  },

  websocket: async (target) => {
    const { headers, ...rest } = options(target, "/");
    const request = http.request({
      ...rest,
      headers: { ...headers, connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" },
    });
    request.end();
    const [answer, socket, first] = await once(request, "upgrade");
    const [hello] = first.length > 0 ? [first] : await once(socket, "data");
    socket.write(Buffer.concat([Buffer.from([0x81, 0x82, 1, 2, 3, 4]), Buffer.from([0x68 ^ 1, 0x69 ^ 2])]));
    const [echo] = await once(socket, "data");
    return { space: answer.headers["x-space"], accept: answer.headers["sec-websocket-accept"], frames: [hello, echo].map((frame) => frame.subarray(2).toString()) };
  },

  /** The server sends the second event only when the first has been seen here. */
  events: async (target) => {
    const answer = await response(http.get(options(target, "/events")));
    const events = [];
    answer.on("data", (part) => events.push(part.toString()));
    const ended = once(answer, "end");
    await once(answer, "data");
    await text(await response(http.get(options(target, "/second-event"))));
    await ended;
    return { space: answer.headers["x-space"], events };
  },

  keepAlive: async (target) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const near = new Set();
    const far = new Set();
    for (let count = 0; count < 50; count += 1) {
      const request = http.get({ ...options(target, "/connection"), agent });
      const answer = await response(request);
      near.add(request.socket.localPort);
      far.add(`${answer.headers["x-space"]} ${await text(answer)}`);
    }
    agent.destroy();
    return { near: near.size, far: far.size, spaces: [...new Set([...far].map((each) => each.split(" ")[0]))] };
  },

  /** A body after HEAD would be taken for the next answer on the same connection. */
  head: async (target) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const head = await response(http.request({ ...options(target, "/long"), agent, method: "HEAD" }).end());
    const none = await text(head);
    const next = await response(http.get({ ...options(target, "/long"), agent }));
    const whole = await text(next);
    agent.destroy();
    return { space: head.headers["x-space"], promised: head.headers["content-length"], bytes: [none.length, whole.length] };
  },

  trailers: async (target) => {
    const { headers, ...rest } = options(target, "/trailers");
    const request = http.request({ ...rest, method: "POST", headers: { ...headers, trailer: "x-sent" } });
    request.write("a");
    request.write("b");
    request.addTrailers({ "x-sent": "c" });
    request.end();
    const answer = await response(request);
    const body = await text(answer);
    return { space: answer.headers["x-space"], coding: answer.headers["transfer-encoding"], body, trailers: answer.trailers };
  },

  /** A client that ends its side with its request, as scripts with netcat do. */
  halfClosed: async (target) => {
    const answer = await text(raw(target, ["GET /long HTTP/1.1", "Host: peers"]).end());
    return { status: answer.slice(0, 15), bytes: answer.split("\r\n\r\n")[1]?.length };
  },
};
