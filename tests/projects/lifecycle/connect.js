// node connect.js HOST PORT...: what comes back from each port when asked in HTTP, as JSON.
const net = require("node:net");
const [host, ...ports] = process.argv.slice(2);

function outcome(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    socket.write("GET /healthz HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n");
    socket.on("data", (bytes) => resolve(`received ${bytes.toString().split("\r\n")[0]}`));
    socket.on("error", () => resolve("refused"));
    socket.on("close", () => resolve("refused"));
    setTimeout(() => resolve("silent"), 3_000);
  });
}

Promise.all(ports.map(async (port) => [port, await outcome(port)])).then((entries) => {
  process.stdout.write(JSON.stringify(Object.fromEntries(entries)), () => process.exit(0));
});
