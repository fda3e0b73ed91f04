/** 80 connections to a listener of a process that may have 64 descriptors: each is served, those beyond in their turn. */
import { listen } from "../../../../proxy/tcp/listen.ts";

const CLIENTS = 80;
const held: (() => void)[] = [];
const listening = listen({
  hostname: "127.0.0.1",
  port: 0,
  accept: (wire) => {
    wire.write(Buffer.from("hello"));
    held.push(() => wire.close());
  },
});
// In a process of its own, which has descriptors enough.
const clients = Bun.spawn(
  ["bash", "-c", `ulimit -S -n 1024; exec "$0" -e "$1"`, process.execPath, clientsOf(listening.port)],
  {
    stdout: "pipe",
    stderr: "inherit",
  },
);
const letGo = setInterval(() => held.shift()?.(), 2);
process.stdout.write(await clients.stdout.text());
clearInterval(letGo);
listening.stop();

function clientsOf(port: number): string {
  return `
    let [served, refused] = [0, 0];
    await Promise.all(Array.from({ length: ${CLIENTS} }, () => new Promise((done) => {
      Bun.connect({ hostname: "127.0.0.1", port: ${port}, socket: {
        data: () => { served += 1; },
        close: () => done(),
        connectError: () => { refused += 1; done(); },
      } }).catch(() => {});
    })));
    console.log(JSON.stringify({ refused, served }));
  `;
}
