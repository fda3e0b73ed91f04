/** `bun tests/tcp/server.ts`: answers HTTP requests with 200 and sends everything else back. Says `port NUMBER`. */
const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const listener = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    data: (socket, bytes) => {
      socket.write(bytes.toString("latin1").includes(" HTTP/1.1\r\n") ? ANSWER : bytes);
    },
  },
});
console.log(`port ${listener.port}`);
