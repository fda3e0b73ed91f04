import { expect, test } from "bun:test";
import { connect } from "node:net";
import { parseWatch } from "../../../../proxy/http/inherited-socket.ts";
import { listen } from "../../../../proxy/http/listen.ts";
import { openListeningSocket } from "../../../../proxy/sidecar/listening-sockets.ts";

const FDINFO = `pos:	0
flags:	02000002
mnt_id:	16
ino:	5231
tfd:        6 events:       19 data:      7f3c2a10  pos:0 ino:f sdev:8
tfd:       16 events: 80000005 data:         1002a  pos:0 ino:f sdev:8
`;

test("parseWatch() reads the loop's mark of one descriptor", () => {
  expect(parseWatch(FDINFO, 6)).toEqual({ events: 0x19, mark: 0x7f_3c_2a_10n });
  expect(parseWatch(FDINFO, 16)).toEqual({ events: 0x80_00_00_05, mark: 0x1_00_2an });
  expect(parseWatch(FDINFO, 1)).toBeUndefined();
});

/** One that the kernel has just had to give. */
function freePort(): number {
  const listening = listen({ hostname: "127.0.0.1", port: 0, accept: () => {} });
  listening.stop();
  return listening.port;
}

test("listen() accepts from an inherited socket, also what came before it did", async () => {
  const port = freePort();
  const inherited = openListeningSocket({ port, loopback: true });
  const early = connect(port, "127.0.0.1");
  await new Promise((resolve) => early.once("connect", resolve));
  const accepted = Promise.withResolvers<void>();
  let count = 0;
  const listening = listen({
    hostname: "127.0.0.1",
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
