/**
 * WebSocket ping-pong: each connection sends the next message when the last has come back. Words: URL, connections,
 * seconds, bytes of a message, header as `NAME: VALUE`. Prints what `wrk.lua` prints.
 */
import { quantile } from "../report.ts";

const OPEN_MS_MAX = 20_000;
const [url = "", connections = "1", seconds = "1", bytes = "200", header = ""] = process.argv.slice(2);
const message = new Uint8Array(Number(bytes)).fill(120);
const latencies: number[] = [];
let errors = 0;
let measuring = false;

const sockets = await Promise.all(Array.from({ length: Number(connections) }, open));
measuring = true;
const started = performance.now();
for (const { send } of sockets) send();
await Bun.sleep(Number(seconds) * 1000);
measuring = false;
const duration = Math.round((performance.now() - started) * 1000);
const [p50, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
console.log(JSON.stringify({ requests: latencies.length, duration, p50, p99, errors }));
for (const { close } of sockets) close();

interface Player {
  /** Sends the first message. */
  readonly send: () => void;
  readonly close: () => void;
}

async function open(): Promise<Player> {
  const [name = "", value = ""] = header.split(": ");
  const socket = new WebSocket(url, { headers: { [name]: value } });
  socket.binaryType = "arraybuffer";
  const opened = Promise.withResolvers<void>();
  let sent = 0;
  const send = (): void => {
    sent = performance.now();
    socket.send(message);
  };
  socket.addEventListener("open", () => opened.resolve());
  socket.addEventListener("close", () => {
    opened.reject(new Error(`\`${url}\` closed the connection`));
    if (measuring) errors += 1;
  });
  socket.addEventListener("message", () => {
    if (!measuring) return;
    latencies.push((performance.now() - sent) * 1000);
    send();
  });
  const late = setTimeout(() => opened.reject(new Error(`\`${url}\` does not answer`)), OPEN_MS_MAX);
  await opened.promise;
  clearTimeout(late);
  return { send, close: () => socket.close() };
}
