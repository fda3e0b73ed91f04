// The client's side of the cases, with the package `ws` of the folder that the first argument names; the second is the
// port; the third is `http1`, `http2` or, with a connection for each socket, `http2-each`. Further ones are the beginnings of cases to leave out. Prints `ok CASE` or `FAIL CASE: why`.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { clientOverHttp2 } from "./over-http2.mjs";

const [, , packages, port, version, ...leftOut] = process.argv;
const ws = createRequire(`${packages}/`)("ws");
const BASE = `ws://127.0.0.1:${port}`;
const overHttp2 = version === "http1" ? undefined : clientOverHttp2(ws, port, version === "http2");
const LARGE = 16 * 1024 * 1024;

async function opened(path, options = {}, protocols = []) {
  const limited = { maxPayload: 4 * LARGE, ...options };
  if (overHttp2 !== undefined) return overHttp2(path, limited, protocols);
  const socket = new ws.WebSocket(BASE + path, protocols, limited);
  socket.on("error", () => {});
  await once(socket, "open");
  return socket;
}

async function received(socket) {
  const [data, binary] = await once(socket, "message");
  return binary ? data : data.toString();
}

async function echo(data, options) {
  const socket = await opened("/echo/x", options);
  socket.send(data);
  assert.deepEqual(await received(socket), data);
  socket.close();
}

async function endOf(name) {
  const socket = await opened(`/end/${name}`);
  socket.send("?");
  const end = await received(socket);
  socket.close();
  return end;
}

async function deflated() {
  const socket = await opened("/echo/x", { perMessageDeflate: { threshold: 0 } });
  assert.match(socket.extensions, /permessage-deflate/);
  socket.send("again and again ".repeat(1000));
  assert.equal(await received(socket), "again and again ".repeat(1000));
  socket.close();
}

async function fragments() {
  const socket = await opened("/echo/x");
  const parts = Array.from({ length: 50 }, (_, index) => randomBytes(1 + 1000 * index));
  parts.forEach((part, index) => {
    socket.send(part, { fin: index === parts.length - 1 });
    socket.ping("between");
  });
  assert.deepEqual(await received(socket), Buffer.concat(parts));
  socket.close();
}

async function fragmentsReceived() {
  const socket = await opened("/fragments/x");
  const data = randomBytes(100_000);
  socket.send(data);
  assert.deepEqual(await received(socket), data);
  socket.close();
}

async function clientPings() {
  const socket = await opened("/echo/x");
  socket.ping("payload");
  const [payload] = await once(socket, "pong");
  assert.equal(payload.toString(), "payload");
  socket.close();
}

async function serverPings() {
  const socket = await opened("/ping/x");
  socket.send("payload");
  assert.equal(await received(socket), "payload");
  socket.close();
}

async function subprotocol() {
  const socket = await opened("/echo/x", {}, ["first", "second"]);
  assert.equal(socket.protocol, "second");
  socket.close();
}

async function many(path, messages, send) {
  const socket = await opened(path);
  const got = [];
  const all = new Promise((resolve) => {
    socket.on("message", (data) => {
      if (got.push(data.toString()) === messages.length) resolve();
    });
  });
  await send(socket, messages);
  await all;
  assert.deepEqual(got, messages);
  socket.close();
}

async function lateReader() {
  const numbers = Array.from({ length: 20_000 }, (_, index) => String(index));
  await many("/flood/x", numbers, async (socket) => {
    socket.pause();
    socket.send("20000");
    await sleep(500);
    socket.resume();
  });
}

async function clientCloses(code) {
  const socket = await opened(`/echo/client-${code}`);
  socket.close(code, "my reason");
  const [closed] = await once(socket, "close");
  assert.equal(closed, code);
  assert.equal(await endOf(`client-${code}`), `${code} my reason`);
}

async function serverCloses(code) {
  const socket = await opened("/close/x");
  socket.send(String(code));
  const [closed, reason] = await once(socket, "close");
  assert.deepEqual([closed, reason.toString()], [code, "told to"]);
}

async function clientAborts(name, before) {
  const socket = await opened(`/echo/${name}`, { perMessageDeflate: false });
  await before(socket);
  socket.terminate();
  assert.match(await endOf(name), /^1006/);
}

async function serverAborts() {
  const socket = await opened("/abort/x");
  socket.send("now");
  const [code] = await once(socket, "close");
  assert.equal(code, 1006);
}

const NUMBERS = Array.from({ length: 2000 }, (_, index) => String(index));
const CODES = [1000, 1001, 1008, 1011, 4000, 4999];
const CASES = {
  "an empty message": () => echo(""),
  "text of many scripts": () => echo("ä → 日本 🚀"),
  "permessage-deflate": deflated,
  "16 MiB that cannot be compressed, with permessage-deflate": () =>
    echo(randomBytes(LARGE), { perMessageDeflate: { threshold: 0 } }),
  "16 MiB that can be compressed": () =>
    echo("0123456789abcdef".repeat(LARGE / 16), { perMessageDeflate: { threshold: 0 } }),
  "16 MiB without compression": () => echo(randomBytes(LARGE), { perMessageDeflate: false }),
  "fragments and pings between from the client": fragments,
  "fragments from the server": fragmentsReceived,
  "a ping from the client": clientPings,
  "a ping from the server": serverPings,
  "a subprotocol": subprotocol,
  "2,000 messages in order": () =>
    many("/echo/x", NUMBERS, (socket, messages) => messages.forEach((message) => socket.send(message))),
  "20,000 messages to a client that reads late": lateReader,
  ...Object.fromEntries(CODES.map((code) => [`the client closes with ${code}`, () => clientCloses(code)])),
  ...Object.fromEntries(CODES.map((code) => [`the server closes with ${code}`, () => serverCloses(code)])),
  "the client breaks the connection": () => clientAborts("client-aborts", () => {}),
  "the client breaks the connection within a message": () =>
    clientAborts("in-a-message", async (socket) => {
      socket.send(randomBytes(LARGE));
      await sleep(10);
    }),
  "the server breaks the connection": serverAborts,
};

for (const [name, play] of Object.entries(CASES)) {
  if (leftOut.some((beginning) => name.startsWith(beginning))) continue;
  try {
    await Promise.race([
      play(),
      sleep(60_000, undefined, { ref: false }).then(() => Promise.reject(new Error("did not end"))),
    ]);
    console.log(`ok ${name}`);
  } catch (error) {
    console.log(`FAIL ${name}: ${String(error.message).split("\n")[0]}`);
  }
}
process.exit(0);
