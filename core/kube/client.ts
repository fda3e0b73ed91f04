import { FIELD_MANAGER } from "../contract.ts";
import { type Clock, systemClock } from "../host/clock.ts";
import { asArray, asString, at, parseJson } from "../parse.ts";
import { exchangeStream, exchangeText } from "./http.ts";
import { withQuery } from "./paths.ts";
import { type KubeClient, type KubeConnection, KubeError, type KubeRequest } from "./types.ts";
import { watchCollection } from "./watch.ts";

/** Objects in one page of a list. */
const PAGE_OBJECTS = 500;

/** @param clock paces the reconnects of watches */
export function createKubeClient(connection: KubeConnection, clock: Clock = systemClock): KubeClient {
  const request = async (call: KubeRequest): Promise<unknown> =>
    parseJson(await exchangeText(connection, call), { code: "API_FAILED", path: call.path });
  const stream: KubeClient["stream"] = (call) => exchangeStream(connection, call);
  return {
    connection,
    request,
    stream,
    find: (path, signal) => orUndefined(request(withSignal({ method: "GET", path }, signal))),
    list: async (path, signal) => (await listCollection(request, path, signal)).items,
    apply: (path, object, options = {}) =>
      request(
        withSignal(
          {
            method: "PATCH",
            path: withQuery(path, { fieldManager: FIELD_MANAGER, force: options.force === true ? true : undefined }),
            body: object,
            contentType: "application/apply-patch+yaml",
          },
          options.signal,
        ),
      ),
    remove: async (path, options = {}) => {
      const body = options.propagation === undefined ? undefined : { propagationPolicy: options.propagation };
      const call: KubeRequest = { method: "DELETE", path, ...(body === undefined ? {} : { body }) };
      return (await orUndefined(request(withSignal(call, options.signal)))) !== undefined;
    },
    watch: (path, signal) =>
      watchCollection({ list: (from) => listCollection(request, from, signal), stream, clock }, path, signal),
  };
}

export interface Listed {
  readonly items: readonly unknown[];
  /** From where a watch goes on. */
  readonly resourceVersion: string;
}

/**
 * All pages of a collection. A token that expires while paging (410) leads to one list in a single page
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks).
 */
async function listCollection(request: KubeClient["request"], path: string, signal?: AbortSignal): Promise<Listed> {
  const items: unknown[] = [];
  let token: string | undefined;
  try {
    for (;;) {
      const query = { limit: path.includes("limit=") ? undefined : PAGE_OBJECTS, continue: token };
      const page = await request(withSignal({ method: "GET", path: withQuery(path, query) }, signal));
      items.push(...asArray(at(page, "items")));
      token = asString(at(page, "metadata", "continue"));
      if (token === undefined || token === "") return { items, resourceVersion: versionOf(page) };
    }
  } catch (error) {
    if (token === undefined || !(error instanceof KubeError) || error.status !== 410) throw error;
  }
  const whole = await request(withSignal({ method: "GET", path }, signal));
  return { items: asArray(at(whole, "items")), resourceVersion: versionOf(whole) };
}

function versionOf(list: unknown): string {
  return asString(at(list, "metadata", "resourceVersion")) ?? "";
}

async function orUndefined(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined;
    throw error;
  }
}

function withSignal(call: KubeRequest, signal: AbortSignal | undefined): KubeRequest {
  return signal === undefined ? call : { ...call, signal };
}
