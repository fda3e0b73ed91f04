/** `bun tests/tcp/proxy.ts PORT`: the sidecar's data path alone, in front of that port. Says `port NUMBER`. */
import { look } from "../../proxy/http/first-look.ts";
import { serveHttp } from "../../proxy/http/exchange.ts";
import { serveHttp2 } from "../../proxy/http2/client-connection.ts";
import { listen } from "../../proxy/tcp/listen.ts";

const original = { address: "127.0.0.1", port: Number(process.argv[2]) };
const policy = {
  decide: () => ({ kind: "forward" as const, targets: [original] }),
  unreachable: () => undefined,
};
const { port } = listen({
  hostname: "127.0.0.1",
  port: 0,
  accept: (client) =>
    look({
      client,
      original,
      declared: false,
      patient: false,
      http: (input, spare) => serveHttp({ client, input, spare, policy }),
      http2: (input, spare) => serveHttp2({ client, input, spare, policy }),
      relayed: () => {},
    }),
});
console.log(`port ${port}`);
