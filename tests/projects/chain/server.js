// One link of a chain: answers with its own name and whatever the next one answers, and hands on what a request must keep.
const http = require("node:http");
const { readFileSync } = require("node:fs");
const { name, next } = JSON.parse(readFileSync("service.json", "utf8"));

const HANDED_ON = ["azds-route-as", "traceparent", "authorization"];

function ask(target, headers) {
  return new Promise((resolve) => {
    const request = http.get({ host: target, port: 80, path: "/", headers, agent: false }, (response) => {
      let body = "";
      response.on("data", (part) => (body += part));
      response.on("end", () => resolve(response.statusCode === 200 ? JSON.parse(body) : [`${target}: ${response.statusCode}`]));
    });
    request.on("error", (error) => resolve([`${target}: ${error.code}`]));
  });
}

const server = http.createServer(async (request, response) => {
  const kept = Object.entries(request.headers).filter(([field]) => HANDED_ON.includes(field));
  const rest = next === undefined ? [] : await ask(next, Object.fromEntries(kept));
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify([name, ...rest]));
});
server.listen(process.env.PORT, () => console.log(`${name} listens`));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
