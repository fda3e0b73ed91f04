import type { Clock } from "../host/clock.ts";
import { FORWARD_PING_MS } from "../limits.ts";
import type { RawWebSocket } from "./raw-websocket.ts";

/**
 * Pings until the signal or the end of the connection, either of which it rejects with: load balancers before API servers
 * cut connections that are silent for a minute or more.
 */
export async function keepAlive(socket: RawWebSocket, clock: Clock, signal: AbortSignal): Promise<never> {
  for (;;) {
    await clock.sleep(FORWARD_PING_MS, signal);
    await socket.ping();
  }
}
