/** Orders on a Unix socket: one line each, answered by one line. */
import type { UnixSocketListener } from "bun";
import { RULES_ORDER_BYTES_MAX } from "../../core/limits.ts";
import type { RulesAnswer } from "../../core/redirect-protocol.ts";

interface Connection {
  text: string;
}

/**
 * @param answer never rejects
 * @throws Error when the path cannot be bound
 */
export function listenForOrders(
  path: string,
  answer: (line: string) => Promise<RulesAnswer>,
): UnixSocketListener<Connection> {
  return Bun.listen<Connection>({
    unix: path,
    socket: {
      open: (socket) => {
        socket.data = { text: "" };
      },
      data: (socket, bytes) => {
        const { data } = socket;
        data.text += bytes.toString("latin1");
        const end = data.text.indexOf("\n");
        if (end >= 0) void answer(data.text.slice(0, end)).then((said) => socket.end(`${JSON.stringify(said)}\n`));
        else if (data.text.length > RULES_ORDER_BYTES_MAX) socket.terminate();
      },
    },
  });
}
