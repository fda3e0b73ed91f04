/** The enter port, on loopback: HTTP from outside, through a port-forward, routed by its host like a request of this pod. */
import type { Answer } from "../http/answer.ts";
import { type Forward, serveHttp } from "../http/exchange.ts";
import { authorityOf, type RequestHead } from "../http/request-head.ts";
import type { Wire } from "../http/wire.ts";
import { decideByHost, knownUrls, NOT_READY } from "../routing/from-outside.ts";
import { markedTarget } from "./outbound.ts";
import type { Pod } from "./pod.ts";

export function acceptEnter(pod: Pod, client: Wire): void {
  pod.counters.connections += 1;
  serveHttp({
    client,
    policy: {
      decide: (head) => {
        pod.counters.requests += 1;
        return pod.routes.ready ? decideEnter(pod, head) : decideLater(pod, head);
      },
      unreachable: (head) => ({
        kind: "answer",
        status: 502,
        text: `No pod of ${authorityOf(head) ?? "this host"} accepts connections\n`,
      }),
    },
  });
}

async function decideLater(pod: Pod, head: RequestHead): Promise<Forward | Answer> {
  await pod.routes.first();
  return decideEnter(pod, head);
}

function decideEnter(pod: Pod, head: RequestHead): Forward | Answer {
  const { table } = pod.routes;
  if (!table.ready) return NOT_READY;
  const { hostSuffix } = pod.config;
  const asked = { authority: authorityOf(head) ?? "", header: head.fields.routeAs };
  const targetOf = markedTarget.bind(undefined, pod);
  return decideByHost({ table, hostSuffix, targetOf }, asked) ?? unknownHost(pod, asked.authority);
}

function unknownHost(pod: Pod, authority: string): Answer {
  const known = knownUrls(pod.routes.table, pod.config.hostSuffix).map((url) => `  ${url}\n`);
  const list = known.length === 0 ? "No service of these spaces is known\n" : `Known here:\n${known.join("")}`;
  return { kind: "answer", status: 404, text: `No service answers to the host \`${authority}\`\n${list}` };
}
