/** A proxy to one server, with exchanges noted or not: `proxy.ts on|off SERVER_PORT`. Prints its port. */
import { serveHttp } from "../../proxy/http/exchange.ts";
import { listen } from "../../proxy/tcp/listen.ts";
import { spaceOf } from "../../proxy/sidecar/pod.ts";
import { pod } from "../../tests/unit/proxy/raw-peers.ts";

const [mode, serverPort] = process.argv.slice(2);
const target = { address: "127.0.0.1", port: Number(serverPort) };
const here = pod(target);
const listening = listen({
  hostname: "127.0.0.1",
  port: 0,
  accept: (client) =>
    serveHttp({
      client,
      policy: {
        decide: (head) => {
          const space = spaceOf(here, head);
          if (mode !== "on") return { kind: "forward", targets: [target], routeAs: space.added };
          const observer = here.trace.begin({
            direction: "in",
            peer: "10.0.0.1",
            head,
            queueMs: 0,
            space,
            reason: "here",
            unknownSpace: false,
          });
          return { kind: "forward", targets: [target], routeAs: space.added, observer };
        },
        unreachable: () => undefined,
      },
    }),
});
console.log(listening.port);
