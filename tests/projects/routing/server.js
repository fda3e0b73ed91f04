// Answers on several ports with its space, the port, and what of the request the sidecars may have touched.
const http = require("node:http");

for (const port of process.env.PORTS.split(",")) {
  const server = http.createServer((request, response) => {
    const { host, "azds-route-as": routeAs, "azds-routed-to": mark } = request.headers;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ at: `${process.env.SPACE}:${port}`, host, routeAs, mark }));
  });
  server.listen(Number(port));
}
