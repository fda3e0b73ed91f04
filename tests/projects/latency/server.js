// Answers every request with 1 kB, as cheaply as Node.js can.
const body = "x".repeat(1024);
require("node:http").createServer((_request, response) => response.end(body)).listen(8080);
