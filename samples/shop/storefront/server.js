const express = require("express");
const page = require("./page");

const ROUTE_HEADER = "azds-route-as";
const who = { service: "storefront", space: process.env.SPACE };

/** Asks another service on behalf of `request`, in the same space. */
async function ask(request, url) {
  const routeAs = request.get(ROUTE_HEADER);
  const response = await fetch(url, { headers: routeAs ? { [ROUTE_HEADER]: routeAs } : {} });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

async function shop(request) {
  const [catalog, basket] = await Promise.all([ask(request, "http://catalog/products"), ask(request, "http://basket/")]);
  return { greeting: page.GREETING, products: catalog.products, basket: basket.items, answeredBy: [who, ...catalog.answeredBy, ...basket.answeredBy] };
}

const app = express();
app.get("/healthz", (request, response) => response.send("ok"));
app.get("/api", async (request, response) => response.json(await shop(request)));
app.get("/", async (request, response) => response.send(page.render(await shop(request))));

const server = app.listen(process.env.PORT, () => console.log(`storefront listens on ${process.env.PORT}`));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
