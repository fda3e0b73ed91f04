import { expect, test } from "bun:test";
import { once } from "node:events";
import { connect } from "node:net";
import { listen } from "../../../../proxy/tcp/listen.ts";
import { openLibc } from "../../../../proxy/tcp/libc.ts";
import { openListeningSocket } from "../../../../proxy/tcp/listening-socket.ts";

/** One that the kernel has just had to give. */
function freePort(): number {
  const listening = listen({ hostname: "127.0.0.1", port: 0, accept: () => {} });
  listening.stop();
  return listening.port;
}

test("listen() accepts from an inherited socket, also what came before it did", async () => {
  const port = freePort();
  const inherited = openListeningSocket(openLibc(), { address: "127.0.0.1", port });
  const early = connect(port, "127.0.0.1");
  await once(early, "connect");
  const accepted = Promise.withResolvers<void>();
  let count = 0;
  const listening = listen({
    port,
    inherited,
    accept: () => {
      count += 1;
      if (count === 2) accepted.resolve();
    },
  });
  const late = connect(port, "127.0.0.1");
  await accepted.promise;
  expect(listening.open()).toBe(2);
  for (const client of [early, late]) client.on("error", () => {}).destroy();
  while (listening.open() > 0) await Bun.sleep(1);
  listening.stop();
  const refused = await new Promise((resolve) => connect(port, "127.0.0.1").once("error", resolve));
  expect(refused).toMatchObject({ code: "ECONNREFUSED" });
});

test("listen() takes both families, and tells each client's address", async () => {
  const peers: string[] = [];
  const listening = listen({ port: 0, accept: (_wire, _fd, peer) => void peers.push(peer()) });
  for (const host of ["127.0.0.1", "::1"]) {
    const client = connect(listening.port, host);
    await once(client, "connect");
    while (peers.at(-1) !== host) await Bun.sleep(1);
    client.destroy();
  }
  listening.stop();
});

test("listen() names a port that is taken", () => {
  const listening = listen({ hostname: "127.0.0.1", port: 0, accept: () => {} });
  const again = (): unknown => listen({ hostname: "127.0.0.1", port: listening.port, accept: () => {} });
  expect(again).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
  listening.stop();
});

test("a process without descriptors accepts on when it has some again", async () => {
  const program = `${import.meta.dir}/few-descriptors.ts`;
  const child = Bun.spawn(["bash", "-c", `ulimit -S -n 64; exec "$0" "$1"`, process.execPath, program], {
    stdout: "pipe",
    stderr: "inherit",
  });
  expect(JSON.parse(await child.stdout.text())).toEqual({ refused: 0, served: 80 });
});
