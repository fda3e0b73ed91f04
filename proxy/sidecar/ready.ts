/** `__proxy-ready`, exec postStart of the sidecar: returns when the first route table is there. */
import { PORT } from "../../core/contract.ts";
import { READY_MS_MAX, READY_POLL_MS } from "../../core/limits.ts";
import { type Clock, systemClock } from "../../core/host/clock.ts";

/** Always 0: a pod must start although the feed is not there. */
export async function main(_argv: readonly string[]): Promise<number> {
  await waitUntilReady(systemClock, () => isReady(PORT.admin));
  return 0;
}

export async function waitUntilReady(clock: Clock, ready: () => Promise<boolean>): Promise<void> {
  const begin = clock.now();
  while (clock.now() - begin < READY_MS_MAX) {
    if (await ready()) return;
    await clock.sleep(READY_POLL_MS);
  }
}

async function isReady(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  try {
    await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => {
          socket.write("GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        },
        data: (socket, bytes) => {
          resolve(bytes.toString("latin1", 9, 12) === "200");
          socket.end();
        },
        close: () => resolve(false),
        connectError: () => resolve(false),
      },
    });
  } catch {
    // Not listening yet.
    return false;
  }
  return promise;
}
