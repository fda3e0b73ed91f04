/** A question to the admin port of the own pod. */

/** Whether it answers 200 within `msMax`. Never rejects. */
export async function askAdmin(port: number, path: string, msMax: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const late = setTimeout(() => resolve(false), msMax);
  const connecting = Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => {
        socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      },
      data: (_socket, bytes) => resolve(bytes.toString("latin1", 9, 12) === "200"),
      close: () => resolve(false),
      connectError: () => resolve(false),
    },
  });
  const socket = connecting.catch(() => {
    // Refused: not listening yet.
    resolve(false);
    return undefined;
  });
  try {
    return await promise;
  } finally {
    clearTimeout(late);
    void socket.then((open) => open?.terminate());
  }
}
