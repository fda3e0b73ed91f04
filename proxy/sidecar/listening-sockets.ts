/** The sockets of the sidecar, opened by its supervisor, so that they outlive each worker. */
import { PORT } from "../../core/contract.ts";
import { openLibc } from "../tcp/libc.ts";
import { openListeningEverywhere, openListeningSocket } from "../tcp/listening-socket.ts";

/** In the order in which a worker inherits them, from descriptor FIRST_INHERITED on. */
export const SIDECAR_SOCKETS = [
  { name: "outbound", port: PORT.outbound, loopback: false },
  { name: "inbound", port: PORT.inbound, loopback: false },
  { name: "admin", port: PORT.admin, loopback: false },
  { name: "enter", port: PORT.enter, loopback: true },
  { name: "traces", port: PORT.traces, loopback: true },
] as const;

export type SidecarSockets = Readonly<Record<(typeof SIDECAR_SOCKETS)[number]["name"], number>>;

/** Behind standard input, output and errors. */
const FIRST_INHERITED = 3;

/** Descriptors in a worker. */
export const INHERITED_SOCKETS: SidecarSockets = {
  outbound: FIRST_INHERITED,
  inbound: FIRST_INHERITED + 1,
  admin: FIRST_INHERITED + 2,
  enter: FIRST_INHERITED + 3,
  traces: FIRST_INHERITED + 4,
};

/**
 * In the order of SIDECAR_SOCKETS; they belong to no loop.
 * @throws Error when a port cannot be had
 */
export function openSidecarSockets(): readonly number[] {
  const libc = openLibc();
  return SIDECAR_SOCKETS.map(({ port, loopback }) => {
    try {
      return loopback ? openListeningSocket(libc, { address: "127.0.0.1", port }) : openListeningEverywhere(libc, port);
    } catch (error) {
      throw new Error(`Port ${port} cannot be listened on: is it taken?`, { cause: error });
    }
  });
}
