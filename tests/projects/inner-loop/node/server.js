// Serves what it was started with and what it reads for each request, and tells when files of its folder are complete.
const { createServer } = require("node:http");
const { createReadStream, readFile, readFileSync, statSync } = require("node:fs");
const { createHash } = require("node:crypto");
const { version } = require("./code/version.js");

const image = readFileSync("image.txt", "utf8");
/** How often the files are looked at, in milliseconds. */
const LOOK_MS = 1;
const watches = new Map();

/** All `paths` have `size` bytes. What was seen is not looked at again. */
function watch({ id, paths, size }) {
  const pending = [...paths];
  const seen = new Promise((resolve) => {
    const look = () => {
      while (pending.length > 0 && statSync(pending.at(-1), { throwIfNoEntry: false })?.size === size) pending.pop();
      // The clock that all processes of a machine share.
      if (pending.length === 0) resolve(String(process.hrtime.bigint()));
      else if (watches.has(id)) setTimeout(look, LOOK_MS);
    };
    setImmediate(look);
  });
  watches.set(id, seen);
}

async function digest(paths) {
  const hash = createHash("sha256");
  for (const path of paths) for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest("hex");
}

async function bodyOf(request) {
  let text = "";
  for await (const piece of request) text += piece;
  return text === "" ? undefined : JSON.parse(text);
}

const routes = {
  "/": async () => "up",
  "/version": async () => version,
  "/image": async () => image,
  "/static": async () => new Promise((resolve) => readFile("public/page.html", "utf8", (_, text) => resolve(text ?? ""))),
  "/clock": async () => String(process.hrtime.bigint()),
  "/watch": async (body) => watch(body) ?? "watching",
  "/seen": async ({ id }) => {
    const at = await watches.get(id);
    watches.delete(id);
    return at;
  },
  "/forget": async ({ id }) => String(watches.delete(id)),
  "/digest": async ({ paths }) => digest(paths),
};

createServer(async (request, response) => {
  try {
    const route = routes[request.url];
    if (route === undefined) return response.writeHead(404).end();
    response.end(await route(await bodyOf(request)));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
}).listen(Number(process.env.PORT ?? 8080));

process.on("SIGTERM", () => process.exit(0));
