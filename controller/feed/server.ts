/** The route feed over HTTPS: one request per sidecar, answered for as long as it lives. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { COMPONENT, SYSTEM_NAMESPACE } from "../../core/contract.ts";
import type { Log } from "../../core/host/log.ts";
import { serveHttps, type SecureServer } from "../../core/host/tls-server.ts";
import {
  FEED_BACKLOG_BYTES_MAX,
  FEED_PING_MS,
  FEED_SYNC_MS_MAX,
  FEED_TICK_MS,
  SHORT_ANSWER_BYTES_MAX,
} from "../../core/limits.ts";
import { FEED_PATH } from "../../core/route-table.ts";
import { formatServiceAccount, parseServiceAccount } from "../../core/kube/service-account.ts";
import type { PodReference } from "../../core/kube/token-review.ts";
import { parseRedirectNote, REDIRECT_NOTE_PATH, type RedirectNote } from "../../core/redirect-protocol.ts";
import type { ToldRedirect } from "../redirect-events.ts";
import { EVERY_TREE } from "../index/route-index.ts";
import type { FeedHub, FeedSink } from "./hub.ts";
import type { ReviewToken } from "./token-review.ts";

const METHODS: Readonly<Record<string, string>> = { [FEED_PATH]: "GET", [REDIRECT_NOTE_PATH]: "POST" };

interface FeedClient {
  readonly namespace: string;
  /** The pod that its token is bound to. */
  readonly pod?: PodReference;
}

export interface FeedOptions {
  /** 0 takes any free port. */
  readonly port: number;
  readonly hub: FeedHub;
  readonly review: ReviewToken;
  /** Resolves when the hub knows the whole cluster. */
  readonly synced: Promise<void>;
  /** A sidecar tells whether its pod has a redirect. */
  readonly onRedirect: (told: ToldRedirect) => void;
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
  const client = await admit(options, request);
  if ("status" in client) return refuse(response, client);
  const { namespace } = client;
  if (request.url === REDIRECT_NOTE_PATH) {
    const refusal = await takeNote(options, client, request);
    return refusal === undefined ? void response.writeHead(204).end() : refuse(response, refusal);
  }
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

/** Whose token the request carries, and whether there is something for it here. */
async function admit(options: FeedOptions, request: IncomingMessage): Promise<FeedClient | Refusal> {
  const method = METHODS[request.url ?? ""];
  if (method === undefined)
    return { status: 404, message: `Only ${Object.keys(METHODS).join(" and ")} are served here` };
  if (request.method !== method) return { status: 405, message: `Only \`${method}\` is answered here` };
  const token = /^Bearer (?<token>\S+)$/i.exec(request.headers.authorization ?? "")?.groups?.["token"];
  if (token === undefined) return { status: 401, message: "The request carries no bearer token" };
  const user = await options.review(token);
  if (user === undefined) return { status: 401, message: "The token is not valid for this audience" };
  if (user.name === GATEWAY) return { namespace: EVERY_TREE };
  const account = parseServiceAccount(user.name);
  if (account === undefined) return { status: 403, message: `\`${user.name}\` is no service account` };
  return { namespace: account.namespace, ...(user.pod === undefined ? {} : { pod: user.pod }) };
}

async function takeNote(
  { onRedirect }: FeedOptions,
  { namespace, pod }: FeedClient,
  request: IncomingMessage,
): Promise<Refusal | undefined> {
  if (pod === undefined) return { status: 403, message: "The token is bound to no pod" };
  const note = await readNote(request);
  if (note === undefined) return { status: 400, message: "The body is no note" };
  onRedirect({ namespace, pod, note });
  return undefined;
}

async function readNote(request: IncomingMessage): Promise<RedirectNote | undefined> {
  let text = "";
  for await (const bytes of request as AsyncIterable<Buffer>) {
    text += bytes.toString("utf8");
    if (text.length > SHORT_ANSWER_BYTES_MAX) return undefined;
  }
  return parseRedirectNote(text);
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
