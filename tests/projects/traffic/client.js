// node client.js '{"host","rate","spaces":[..],"stop":FILE,"secondsMax"}': mixed traffic at an even rate until FILE
// exists. Prints a line of JSON for each second, when it is over and answered: what was sent in it, by the space it was
// sent as and who answered, and what failed.
const http = require("node:http");
const net = require("node:net");
const { existsSync } = require("node:fs");

const { host, rate, spaces, stop, secondsMax } = JSON.parse(process.argv[2]);
const TIMEOUT_MS = 10_000;
const TOLD_MAX = 5;
const UPLOAD = Buffer.alloc(40_000, "u");
const start = Date.now();
const seconds = new Map();

function bucket(at) {
  const second = Math.floor((at - start) / 1000);
  if (!seconds.has(second)) seconds.set(second, { at: start + second * 1000, answers: {}, failed: 0, failures: [] });
  return seconds.get(second);
}

/** An exchange resolves with the name of who answered. */
async function count(space, kind, exchange) {
  const second = bucket(Date.now());
  const began = Date.now();
  try {
    const key = `${space ?? "-"} ${await exchange()}`;
    second.answers[key] = (second.answers[key] ?? 0) + 1;
  } catch (error) {
    second.failed += 1;
    const told = `${kind} as ${space ?? "-"} after ${Date.now() - began} ms: ${error.code ?? error.message}`;
    if (second.failures.length < TOLD_MAX) second.failures.push(told);
  }
}

function request(space, { agent = false, method = "GET", path = "/", body }) {
  return new Promise((resolve, reject) => {
    const headers = space === undefined ? {} : { "azds-route-as": space };
    const sent = http.request({ host, port: 80, agent, method, path, headers, timeout: TIMEOUT_MS }, (response) => {
      let bytes = 0;
      response.on("data", (part) => (bytes += part.length));
      response.on("error", reject);
      response.on("end", () => {
        const by = response.headers.by;
        const expected = body?.length ?? (path === "/big" ? 1_000_000 : by?.length);
        if (response.statusCode !== 200 || bytes !== expected) reject(new Error(`${response.statusCode}, ${bytes} bytes`));
        else resolve(by);
      });
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer")));
    sent.on("error", reject);
    // Two writes, so that the body is chunked.
    if (body !== undefined) sent.write(body.subarray(0, 1000));
    sent.end(body?.subarray(1000));
  });
}

function upgraded(space) {
  return new Promise((resolve, reject) => {
    const headers = { connection: "upgrade", upgrade: "echo", ...(space === undefined ? {} : { "azds-route-as": space }) };
    const sent = http.request({ host, port: 80, agent: false, headers, timeout: TIMEOUT_MS });
    sent.on("response", (response) => reject(new Error(`${response.statusCode} to an upgrade`)));
    sent.on("upgrade", (response, socket) => echoed(socket).then(() => resolve(response.headers.by), reject));
    sent.on("timeout", () => sent.destroy(new Error("no answer")));
    sent.on("error", reject);
    sent.end();
  });
}

function tcp() {
  return echoed(net.connect({ host: `${host}-tcp`, port: 4000 })).then(() => "tcp");
}

/** Says something ten times, each after the echo of the last, and ends. */
function echoed(socket) {
  return new Promise((resolve, reject) => {
    const WORD = "a word of twenty bytes";
    let received = "";
    let said = 1;
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error("no echo")));
    socket.on("data", (part) => {
      received += part;
      if (received.length < said * WORD.length) return;
      if (said === 10) socket.end();
      else socket.write(WORD);
      said += 1;
    });
    socket.on("error", reject);
    socket.on("close", () => (received === WORD.repeat(10) ? resolve() : reject(new Error(`${received.length} of 220 bytes`))));
    socket.write(WORD);
  });
}

const agents = Array.from({ length: 16 }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
let sent = 0;

/** Of a hundred: 84 over kept connections, 10 on new ones, 3 uploads, 1 of 1 MB, 1 upgrade, 1 TCP. */
function next() {
  const number = sent;
  sent += 1;
  const space = [undefined, ...spaces][number % (spaces.length + 1)];
  const agent = agents[Math.floor(number / 7) % agents.length];
  const kind = Math.floor(number / (spaces.length + 1)) % 100;
  if (kind < 84) void count(space, "kept", () => request(space, { agent }));
  else if (kind < 94) void count(space, "new", () => request(space, {}));
  else if (kind < 97) void count(space, "upload", () => request(space, { agent, method: "POST", body: UPLOAD }));
  else if (kind < 98) void count(space, "big", () => request(space, { path: "/big" }));
  else if (kind < 99) void count(space, "upgrade", () => upgraded(space));
  else void count(undefined, "tcp", tcp);
}

function tell(until) {
  for (const [second, told] of seconds) {
    if (second >= until) continue;
    console.log(JSON.stringify(told));
    seconds.delete(second);
  }
}

const ticking = setInterval(() => {
  const passed = (Date.now() - start) / 1000;
  if (passed > secondsMax || existsSync(stop)) {
    clearInterval(ticking);
    setTimeout(() => {
      tell(Infinity);
      process.exit(0);
    }, TIMEOUT_MS + 1000);
    return;
  }
  // What a pause of this process has kept from being sent is sent late, up to a tenth of a second's worth.
  const due = Math.floor(passed * rate);
  if (due - sent > rate / 10) sent = due - Math.floor(rate / 10);
  while (sent < due) next();
  tell(passed - (TIMEOUT_MS + 1000) / 1000);
}, 5);
