/** The route feed over HTTPS: one request per sidecar, answered for as long as it lives. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { COMPONENT, SYSTEM_NAMESPACE } from "../../core/contract.ts";
import type { Log } from "../../core/host/log.ts";
import { serveHttps, type SecureServer } from "../../core/host/tls-server.ts";
import { FEED_BACKLOG_BYTES_MAX, FEED_PING_MS, FEED_SYNC_MS_MAX, FEED_TICK_MS } from "../../core/limits.ts";
import { FEED_PATH } from "../../core/route-table.ts";
import { formatServiceAccount, parseServiceAccount } from "../../core/kube/service-account.ts";
import { EVERY_TREE } from "../index/route-index.ts";
import type { FeedHub, FeedSink } from "./hub.ts";
import type { ReviewToken } from "./token-review.ts";

export interface FeedOptions {
  /** 0 takes any free port. */
  readonly port: number;
  readonly hub: FeedHub;
  readonly review: ReviewToken;
  /** Resolves when the hub knows the whole cluster. */
  readonly synced: Promise<void>;
  readonly log: Log;
}

export interface FeedServer extends SecureServer {
  /** Something changed: clients are told within FEED_TICK_MS. */
  readonly changed: () => void;
}

/** Listens at once; handshakes fail until the first `reload`. Rejects when the port cannot be had. */
export async function serveFeed(options: FeedOptions): Promise<FeedServer> {
  const { hub, log } = options;
  const server = await serveHttps({
    port: options.port,
    onRequest: (request, response) => {
      answer(options, request, response).catch((error: unknown) => {
        log("error", "Feed request failed", { error: String(error) });
        refuse(response, { status: 503, message: "The token could not be checked; try again" });
      });
    },
  });
  const pings = setInterval(() => hub.ping(), FEED_PING_MS);
  let tick: ReturnType<typeof setTimeout> | undefined;
  return {
    ...server,
    changed: () => {
      tick ??= setTimeout(() => {
        tick = undefined;
        hub.publish();
      }, FEED_TICK_MS);
    },
    close: async () => {
      clearInterval(pings);
      clearTimeout(tick);
      hub.close();
      await server.close();
    },
  };
}

interface Refusal {
  /** HTTP status code. */
  readonly status: number;
  readonly message: string;
}

async function answer(options: FeedOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const namespace = await admit(options, request);
  if (typeof namespace !== "string") return refuse(response, namespace);
  if (!(await settlesInTime(options.synced))) {
    return refuse(response, { status: 503, message: "The routes are not known yet; try again" });
  }
  if (response.destroyed) return;
  const end = options.hub.subscribe(namespace, sinkOf(response));
  if (end === undefined) return refuse(response, { status: 404, message: `Namespace \`${namespace}\` is no space` });
  response.once("close", end);
}

/** Routes between all trees, so it follows all of them; nobody else does. */
const GATEWAY = formatServiceAccount({ namespace: SYSTEM_NAMESPACE, name: COMPONENT.gateway });

/** The namespace whose tree the request may follow, or EVERY_TREE. */
async function admit(options: FeedOptions, request: IncomingMessage): Promise<string | Refusal> {
  if (request.url !== FEED_PATH) return { status: 404, message: `Only \`${FEED_PATH}\` is served here` };
  if (request.method !== "GET") return { status: 405, message: "Only `GET` is answered here" };
  const token = /^Bearer (?<token>\S+)$/i.exec(request.headers.authorization ?? "")?.groups?.["token"];
  if (token === undefined) return { status: 401, message: "The request carries no bearer token" };
  const user = await options.review(token);
  if (user === undefined) return { status: 401, message: "The token is not valid for this audience" };
  if (user === GATEWAY) return EVERY_TREE;
  return parseServiceAccount(user)?.namespace ?? { status: 403, message: `\`${user}\` is no service account` };
}

/**
 * Starts the answer with the first lines. A client that lags too far behind is cut off: it gets a snapshot when it
 * comes again.
 */
function sinkOf(response: ServerResponse): FeedSink {
  return {
    write: (lines) => {
      if (!response.headersSent) {
        response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
      }
      if (response.writableLength > FEED_BACKLOG_BYTES_MAX) response.destroy();
      else if (!response.destroyed) response.write(lines);
    },
    end: () => response.end(),
  };
}

function refuse(response: ServerResponse, refusal: Refusal): void {
  if (response.headersSent) return;
  response.writeHead(refusal.status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(refusal)}\n`);
}

async function settlesInTime(promise: Promise<void>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), FEED_SYNC_MS_MAX);
  });
  const settled = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return settled;
}
