/**
 * What runs in the namespaces of network-world.ts: `serve FILE` answers on all addresses of the file, and as the
 * controller where it says so; `ask FILE NUMBER` makes one request of a list; `side FILE NUMBER` says from where.
 */
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { FEED_PATH, type FeedMessage, type ServiceRecord } from "../../core/route-table.ts";
import type { Request } from "./network-world.ts";

interface Served {
  readonly servers: Readonly<Record<string, string>>;
  readonly feed?: {
    readonly cert: string;
    readonly key: string;
    readonly port: number;
    readonly services: readonly ServiceRecord[];
  };
}

const [command = "", file = "", number = "0"] = process.argv.slice(2);
const content: unknown = await Bun.file(file).json();
if (command === "serve") serve(content as Served);
else {
  const request = (content as readonly Request[])[Number(number)];
  if (request === undefined) throw new Error(`There is no request ${number}`);
  process.stdout.write(`${command === "side" ? request.from : await answerTo(request)}\n`);
}

function serve({ servers, feed }: Served): void {
  for (const [address, name] of Object.entries(servers)) {
    createServer((request, response) => response.end(`${name} saw ${request.socket.remoteAddress}`)).listen(
      8080,
      address,
    );
  }
  if (feed === undefined) return;
  const { cert, key, port, services } = feed;
  const spaces = [{ name: "dev" }, { name: "alice", parent: "dev" }];
  const version = { replica: "a", counter: 1 };
  const snapshot: FeedMessage = { type: "snapshot", version, spaces, services };
  createSecureServer({ cert, key }, (request, response) => {
    if (request.url === FEED_PATH) response.write(`${JSON.stringify(snapshot)}\n`);
    else response.writeHead(404).end();
  }).listen(port, "::");
}

async function answerTo({ url, routeAs }: Request): Promise<string> {
  const headers = routeAs === undefined ? {} : { "azds-route-as": routeAs };
  const patience = AbortSignal.timeout(5_000);
  try {
    return (await (await fetch(url, { headers, signal: patience })).text()).replaceAll("\n", " | ");
  } catch (error) {
    return String(error);
  }
}
