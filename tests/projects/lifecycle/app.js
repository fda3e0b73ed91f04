// Says on its output what an application sees of its pod, from its first instruction to its last.
const http = require("node:http");
const https = require("node:https");
const net = require("node:net");

/** Any answer of the API server will do: the question is whether there is a network. */
function ask(when) {
  return new Promise((resolve) => {
    const request = https.get("https://kubernetes.default/version", { rejectUnauthorized: false, agent: false }, (answer) => {
      resolve(`${when}: answered`);
      answer.destroy();
    });
    request.on("error", (error) => resolve(`${when}: ${error.code}`));
  }).then((line) => console.log(line));
}

const first = ask("first");
console.log(`world: ${JSON.stringify({ argv: process.argv, cwd: process.cwd(), user: process.getuid(), env: process.env })}`);
first.then(() => {
  if (process.env.ONCE !== undefined) process.exit(0);
});

http.createServer((request, response) => response.end()).listen(8080);
// Where programs of ours listen in the pods of a session.
for (const port of [19050, 19060]) net.createServer((socket) => socket.end("private")).listen(port, "127.0.0.1");
process.on("SIGUSR2", () => net.createServer((socket) => socket.end()).listen(8081));

/** As servers that finish what they have begun: slow, and in need of others until the end. */
process.on("SIGTERM", () => setTimeout(() => ask("last").then(() => process.exit(0)), 2_500));
