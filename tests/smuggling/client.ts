/** A client that sends a text and listens until nothing more comes. */
import { once } from "node:events";
import { connect } from "node:net";

/** A server that still waits for the rest of a message hears that none comes. */
const PATIENCE_MS = 700;
const PIECE_BYTES = 23;

/** Everything that was received; a reset ends it as well. */
export async function talk(port: number, text: string, inPieces: boolean): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
  let received = "";
  const closed = Promise.withResolvers<void>();
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    received += chunk;
  });
  socket.on("error", () => {});
  socket.on("end", () => socket.end());
  socket.on("close", () => closed.resolve());
  await once(socket, "connect");
  await send(text, inPieces, (piece) => socket.write(piece, "latin1"));
  await Promise.race([closed.promise, Bun.sleep(PATIENCE_MS)]);
  socket.end();
  await Promise.race([closed.promise, Bun.sleep(PATIENCE_MS)]);
  socket.destroy();
  return received;
}

async function send(text: string, inPieces: boolean, write: (piece: string) => void): Promise<void> {
  if (!inPieces) {
    write(text);
    return;
  }
  for (let at = 0; at < text.length; at += PIECE_BYTES) {
    write(text.slice(at, at + PIECE_BYTES));
    await Bun.sleep(1);
  }
}
