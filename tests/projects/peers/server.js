require("./tcp-servers.js").start();
require("./http-server.js").start();
process.on("SIGTERM", () => process.exit(0));
