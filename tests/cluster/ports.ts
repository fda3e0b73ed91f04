import { connect, createServer } from "node:net";

const PORTS_TRIED_MAX = 200;

/** The first port from `preferred` on that nothing listens on at 127.0.0.1. */
export async function freePort(preferred: number): Promise<number> {
  for (let port = preferred; port < preferred + PORTS_TRIED_MAX; port += 1) {
    if (await canListen(port)) return port;
  }
  throw new Error(`No free port at 127.0.0.1 from ${preferred} to ${preferred + PORTS_TRIED_MAX - 1}`);
}

/** True when something accepts connections. */
export function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: "127.0.0.1", port });
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}

function canListen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once("error", () => resolve(false));
  server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  return promise;
}
