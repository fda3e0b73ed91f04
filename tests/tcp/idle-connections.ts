/**
 * 10,000 connections that have spoken once, half HTTP and half not, and then keep silent. What each costs
 * the proxy, that all of them still work afterwards, and that nothing of them is left when they are closed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Socket } from "bun";
import { startProgram } from "../peers/program.ts";

const WANTED = 10_000;
/** Descriptors of the proxy that are no connections. */
const RESERVED = 200;
/** Connects at once: below the listener's backlog. */
const BATCH = 100;
const KIB_PER_CONNECTION_MAX = 12;
/** Descriptors are closed a moment after the connection. */
const CLOSED_MS_MAX = 10_000;

const REQUEST = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const ANSWER_END = "\r\n\r\nok";
const WORD = "hello";

interface Client {
  readonly socket: Socket;
  readonly ask: () => Promise<void>;
}

export async function proveIdleConnections(): Promise<void> {
  const server = await startProgram([process.execPath, join(import.meta.dir, "server.ts")]);
  const proxy = await startProgram([process.execPath, join(import.meta.dir, "proxy.ts"), String(server.port)]);
  // Each connection takes two descriptors of the proxy.
  const count = Math.min(WANTED, Math.floor((descriptorsMax(proxy.pid) - RESERVED) / 2));
  await warmUp(proxy.port);
  const before = { memory: residentKiB(proxy.pid), descriptors: descriptors(proxy.pid) };
  const clients: Client[] = [];
  while (clients.length < count) {
    const size = Math.min(BATCH, count - clients.length);
    const opened = await Promise.all(Array.from({ length: size }, (_, index) => open(proxy.port, index % 2 === 0)));
    clients.push(...opened);
  }
  const each = (residentKiB(proxy.pid) - before.memory) / count;
  const cost = `${each.toFixed(1)} KiB each, ${Math.round(residentKiB(proxy.pid) / 1024)} MiB in all`;
  tell(`${count} idle connections, half of them HTTP: ${cost}`, each <= KIB_PER_CONNECTION_MAX);
  for (let at = 0; at < count; at += BATCH)
    await Promise.all(clients.slice(at, at + BATCH).map((client) => client.ask()));
  tell(`each of the ${count} was answered once more`, true);
  for (const { socket } of clients) socket.end();
  const left = Math.max(0, (await descriptorsAfterwards(proxy.pid, before.descriptors)) - before.descriptors);
  tell(`${left} descriptors left behind by them`, left === 0);
  await proxy.stop();
  await server.stop();
}

/** What the proxy allocates once. */
async function warmUp(port: number): Promise<void> {
  for (const http of [true, false]) {
    const { socket } = await open(port, http);
    socket.end();
  }
}

/** Resolves once the first question has been answered. */
async function open(port: number, http: boolean): Promise<Client> {
  const [question, end] = http ? [REQUEST, ANSWER_END] : [WORD, WORD];
  let answered: PromiseWithResolvers<void> = Promise.withResolvers();
  let text = "";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_socket, bytes) => {
        text += bytes.toString("latin1");
        if (text.endsWith(end)) answered.resolve();
      },
      close: () => answered.reject(new Error("The connection was closed")),
    },
  });
  const ask = (): Promise<void> => {
    text = "";
    answered = Promise.withResolvers();
    // Closed at the end, when nobody waits any more.
    answered.promise.catch(() => undefined);
    socket.write(question);
    return answered.promise;
  };
  await ask();
  return { socket, ask };
}

/** Once there are no more than `wanted`, or CLOSED_MS_MAX have passed. */
async function descriptorsAfterwards(pid: number, wanted: number): Promise<number> {
  const until = performance.now() + CLOSED_MS_MAX;
  while (descriptors(pid) > wanted && performance.now() < until) await Bun.sleep(100);
  return descriptors(pid);
}

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function descriptorsMax(pid: number): number {
  return Number(/^Max open files +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.[1]);
}

function residentKiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

function tell(what: string, passed: boolean): void {
  console.log(`${passed ? "ok  " : "FAIL"} ${what}`);
}
