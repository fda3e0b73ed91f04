/** From kubeconfig to a `Cluster`. With reviews.ts and kubeconfig.ts the only user of client-node. */
import type { RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { AzdsError } from "../../core/errors.ts";
import { createKubeClient } from "../../core/kube/client.ts";
import type { KubeClient, KubeConnection, KubeTls } from "../../core/kube/types.ts";
import { asString, at } from "../../core/parse.ts";
import type { Context } from "../context.ts";
import type { Cluster, Reviews } from "./cluster.ts";
import { connectionFailure, type Server } from "./errors.ts";
import { loadTarget } from "./kubeconfig.ts";
import { createReviews } from "./reviews.ts";

/**
 * Reads the kubeconfig and gets credentials, running the user's credential plugin if there is one. No request is made
 * yet; those of the returned client throw CLUSTER_UNREACHABLE and CREDENTIALS_REJECTED in place of network errors and 401.
 *
 * @throws AzdsError KUBECONFIG_INVALID, CREDENTIALS_REJECTED
 */
export async function connect(context: Context): Promise<Cluster> {
  const { host, globals } = context;
  const target = loadTarget(host, globals);
  const server: Server = { context: target.context, server: target.server };
  const first = await credentials(target.config, server);
  const connection: KubeConnection = {
    server: target.server,
    tls: tlsOf(first),
    headers: async () => headersOf(await credentials(target.config, server)),
  };
  const explain = (error: unknown): unknown => connectionFailure(error, server);
  return {
    context: target.context,
    kubeconfig: globals.kubeconfig ?? host.env["KUBECONFIG"],
    namespace: target.namespace,
    kube: explained(createKubeClient(connection), explain),
    reviews: explainedReviews(createReviews(target.config, target.server), explain),
  };
}

/** Plugins keep what they got until it expires, so this is cheap to repeat. */
async function credentials(config: KubeConfig, { context }: Server): Promise<RequestOptions> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
    return options;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.trim() : String(cause);
    const program = asString(at(config.getCurrentUser(), "exec", "command"));
    const whose = program === undefined ? "" : ` from \`${program}\``;
    throw new AzdsError(
      "CREDENTIALS_REJECTED",
      `Cannot get credentials for context \`${context}\`${whose}: ${reason}`,
      { cause },
    );
  }
}

function tlsOf(options: RequestOptions): KubeTls {
  const [ca, cert, key] = [options.ca, options.cert, options.key].map(pem);
  const { rejectUnauthorized, servername } = options;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    ...(servername === undefined ? {} : { serverName: servername }),
  };
}

/** client-node gives one text or its bytes, never the lists that node:https would take too. */
function pem(value: unknown): string | undefined {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : asString(value);
}

function headersOf(options: RequestOptions): Readonly<Record<string, string>> {
  const basic = typeof options.auth === "string" ? { authorization: `Basic ${btoa(options.auth)}` } : {};
  const own = Object.entries(options.headers ?? {}).map(
    ([name, value]) => [name.toLowerCase(), String(value)] as const,
  );
  return { ...basic, ...Object.fromEntries(own) };
}

type Explain = (error: unknown) => unknown;

function explained(kube: KubeClient, explain: Explain): KubeClient {
  return {
    connection: kube.connection,
    request: (request) => rethrown(kube.request(request), explain),
    find: (path, signal) => rethrown(kube.find(path, signal), explain),
    list: (path, signal) => rethrown(kube.list(path, signal), explain),
    apply: (path, object, options) => rethrown(kube.apply(path, object, options), explain),
    remove: (path, options) => rethrown(kube.remove(path, options), explain),
    // A watch reconnects by itself.
    watch: kube.watch,
    stream: (request) => rethrown(kube.stream(request), explain),
  };
}

function explainedReviews(reviews: Reviews, explain: Explain): Reviews {
  return {
    allowed: (right, signal) => rethrown(reviews.allowed(right, signal), explain),
    whoAmI: (signal) => rethrown(reviews.whoAmI(signal), explain),
    version: (signal) => rethrown(reviews.version(signal), explain),
  };
}

async function rethrown<T>(call: Promise<T>, explain: Explain): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw explain(error);
  }
}
