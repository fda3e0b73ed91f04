// node load.js URL REQUESTS_PER_SECOND CONNECTIONS SECONDS: an even rate over kept connections. Prints the milliseconds of
// every request as JSON, from the moment when it was due: one that finds no free connection waits for it.
const net = require("node:net");

const [url, rate, connections, seconds] = process.argv.slice(1);
const { hostname, port, pathname } = new URL(url);
const request = `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`;
const count = Number(rate) * Number(seconds);
const free = [];
const waiting = [];
const times = [];
let begun = 0;
const start = performance.now();

function dueAt(number) {
  return start + (number * 1000) / Number(rate);
}

function connect() {
  let received = "";
  let sentFor = 0;
  const socket = net.connect({ host: hostname, port: port || 80, noDelay: true });
  const send = (due) => {
    sentFor = due;
    socket.write(request);
  };
  socket.setEncoding("latin1");
  socket.on("connect", () => free.push(send));
  socket.on("data", (text) => {
    received += text;
    const head = received.indexOf("\r\n\r\n");
    const length = head < 0 ? undefined : /\r\ncontent-length: (\d+)/i.exec(received)?.[1];
    if (length === undefined || received.length < head + 4 + Number(length)) return;
    if (!received.startsWith("HTTP/1.1 200 ")) throw new Error(received.slice(0, head));
    received = "";
    times.push(performance.now() - sentFor);
    const due = waiting.shift();
    if (due === undefined) free.push(send);
    else send(due);
    if (times.length === count) {
      const text = JSON.stringify(times.map((time) => Math.round(time * 1000) / 1000));
      process.stdout.write(text, () => process.exit(0));
    }
  });
  socket.on("close", () => {
    throw new Error("The connection was closed");
  });
}

for (let number = 0; number < Number(connections); number += 1) connect();
setInterval(() => {
  for (; begun < count && dueAt(begun) <= performance.now(); begun += 1) {
    const send = free.pop();
    if (send === undefined) waiting.push(dueAt(begun));
    else send(dueAt(begun));
  }
}, 1);
