/** Answers every WebSocket message with the same. Word: the port. */
Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("No WebSocket\n", { status: 400 })),
  websocket: { message: (socket, message) => void socket.send(message), perMessageDeflate: false },
});
