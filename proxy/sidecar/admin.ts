/** The admin port, on the pod's address: health, readiness, metrics, and the probes the webhook moved here. */
import { HEAD_BYTES_MAX } from "../../core/limits.ts";
import { formatAnswer } from "../http/answer.ts";
import { Dial } from "../http/dial.ts";
import { Fault } from "../http/head.ts";
import { parseRequestHead, type RequestHead } from "../http/request-head.ts";
import { closeSoon, DISCARD, Wire } from "../http/wire.ts";

export interface AdminOptions {
  /** The first route table is there. */
  readonly ready: () => boolean;
  readonly metrics: () => string;
  /** `/probe/<n>` dials port `n` of this list. */
  readonly tcpProbes: readonly number[];
  /** Address that probes dial: what the kubelet would have dialled. */
  readonly podIp: string;
}

interface Reply {
  readonly status: 200 | 400 | 404 | 503;
  readonly text: string;
}

/** One request a connection. */
export function acceptAdmin(options: AdminOptions, client: Wire): void {
  let input = Buffer.alloc(0);
  client.owner = {
    ...DISCARD,
    data: (_wire, bytes) => {
      input = Buffer.concat([input, bytes]);
      const head = parseRequestHead(input, 0);
      if (head === undefined) return;
      client.owner = DISCARD;
      if (head instanceof Fault || input.length > HEAD_BYTES_MAX) send(client, { status: 400, text: "Bad request\n" });
      else void answer(options, client, head);
    },
  };
}

async function answer(options: AdminOptions, client: Wire, head: RequestHead): Promise<void> {
  send(client, await replyTo(options, head.target), head.method);
}

function send(client: Wire, reply: Reply, method?: string): void {
  client.write(formatAnswer(reply, method));
  closeSoon(client);
}

async function replyTo(options: AdminOptions, target: string): Promise<Reply> {
  const path = target.split("?")[0] ?? "";
  if (path === "/healthz") return { status: 200, text: "ok\n" };
  if (path === "/readyz")
    return options.ready() ? { status: 200, text: "ok\n" } : { status: 503, text: "No route table yet\n" };
  if (path === "/metrics") return { status: 200, text: options.metrics() };
  const probe = /^\/probe\/(?<number>\d{1,4})$/.exec(path)?.groups?.["number"];
  const port = probe === undefined ? undefined : options.tcpProbes[Number(probe)];
  if (port === undefined) return { status: 404, text: "Not found\n" };
  return (await accepts(options.podIp, port))
    ? { status: 200, text: "ok\n" }
    : { status: 503, text: `Port ${port} accepts no connections\n` };
}

async function accepts(address: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const dial = new Dial({ address, port });
  dial.whenSettled((outcome) => resolve(outcome instanceof Wire));
  const accepted = await promise;
  dial.abandon();
  return accepted;
}
