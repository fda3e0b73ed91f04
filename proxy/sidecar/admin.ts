/** The admin port, on the pod's address: health, readiness, metrics, and the probes the webhook moved here. */
import { HEAD_BYTES_MAX } from "../../core/limits.ts";
import type { ProbeSpec } from "../../core/sidecar-config.ts";
import { formatAnswer } from "../http/answer.ts";
import { Fault } from "../http/head.ts";
import { parseRequestHead, type RequestHead } from "../http/request-head.ts";
import { closeSoon, DISCARD, type Wire } from "../tcp/wire.ts";
import { makeProbe, type ProbeOptions, type Verdict } from "./probe.ts";

export interface AdminOptions {
  /** The first route table is there. */
  readonly ready: () => boolean;
  /** Connections of the pod pass through here. */
  readonly redirected: () => boolean;
  readonly metrics: () => string;
  /** `/probe/<n>` makes number `n` of this list. */
  readonly probes: readonly ProbeSpec[];
  readonly probing: ProbeOptions;
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

function send(client: Wire, reply: Verdict, method?: string): void {
  client.write(formatAnswer(reply, method));
  closeSoon(client);
}

async function replyTo(options: AdminOptions, target: string): Promise<Verdict> {
  const path = target.split("?")[0] ?? "";
  if (path === "/healthz") return { status: 200, text: "ok\n" };
  if (path === "/readyz")
    return options.ready() ? { status: 200, text: "ok\n" } : { status: 503, text: "No route table yet\n" };
  if (path === "/redirected")
    return options.redirected() ? { status: 200, text: "ok\n" } : { status: 503, text: "No redirect yet\n" };
  if (path === "/metrics") return { status: 200, text: options.metrics() };
  const probe = /^\/probe\/(?<number>\d{1,4})$/.exec(path)?.groups?.["number"];
  const spec = probe === undefined ? undefined : options.probes[Number(probe)];
  return spec === undefined ? { status: 404, text: "Not found\n" } : makeProbe(spec, options.probing);
}
