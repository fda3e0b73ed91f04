/** An API server in memory; kube.md says how it behaves. */
import { KubeError, type KubeClient, type KubeRequest, type WatchEvent } from "../../core/kube/types.ts";
import { asArray, asString, asStringRecord, at, isObject, type JsonObject } from "../../core/parse.ts";

export interface FakeKube extends KubeClient {
  /** Puts an object there, as a user with kubectl would. */
  readonly put: (path: string, object: JsonObject) => void;
  readonly get: (path: string) => unknown;
  readonly delete: (path: string) => void;
  readonly calls: readonly KubeRequest[];
}

export interface FakeKubeOptions {
  /** Answers instead of the store; `undefined` passes on. */
  readonly answer?: (request: KubeRequest) => unknown;
}

interface Change {
  readonly before: JsonObject | undefined;
  readonly after: JsonObject | undefined;
}

interface Selection {
  readonly path: string;
  readonly matches: (path: string, object: unknown) => boolean;
}

export function fakeKube(options: FakeKubeOptions = {}): FakeKube {
  const objects = new Map<string, JsonObject>();
  const watchers = new Set<(path: string, change: Change) => void>();
  const calls: KubeRequest[] = [];
  let version = 0;

  const commit = (path: string, after: JsonObject | undefined): void => {
    const before = objects.get(path);
    if (after === undefined) objects.delete(path);
    else objects.set(path, after);
    for (const watcher of watchers) watcher(path, { before, after });
  };
  const store = (path: string, body: unknown): JsonObject => {
    version += 1;
    const old = objects.get(path);
    const metadata = {
      ...(isObject(at(body, "metadata")) ? (at(body, "metadata") as JsonObject) : {}),
      ...identity(path),
      uid: at(old, "metadata", "uid") ?? `uid-${version}`,
      creationTimestamp: at(old, "metadata", "creationTimestamp") ?? "2026-01-01T00:00:00Z",
      resourceVersion: String(version),
    };
    const object = { ...(structuredClone(body) as JsonObject), metadata };
    commit(path, object);
    return object;
  };
  const request = (call: KubeRequest): unknown => {
    calls.push(call);
    const answered = options.answer?.(call);
    if (answered !== undefined) return answered;
    const path = call.path.replace(/\?.*/, "");
    const old = objects.get(path);
    switch (call.method) {
      case "GET":
        return old ?? (!COLLECTION.test(path) ? missing(path) : { items: select(call.path).items });
      case "POST":
        return call.path.includes("dryRun=All") ? call.body : create(path, call.body);
      case "PUT":
        if (old === undefined) return missing(path);
        checkVersion(old, at(call.body, "metadata", "resourceVersion"));
        return store(path, call.body);
      case "PATCH":
        if (call.contentType === "application/json-patch+json") {
          return store(path, jsonPatch(old ?? missing(path), asArray(call.body)));
        }
        return store(path, merge(old ?? {}, call.body));
      case "DELETE":
        if (old === undefined) return missing(path);
        checkVersion(old, at(call.body, "preconditions", "resourceVersion"));
        commit(path, undefined);
        return { status: "Success" };
    }
  };
  const create = (collection: string, body: unknown): JsonObject => {
    const path = `${collection}/${asString(at(body, "metadata", "name")) ?? ""}`;
    if (objects.has(path)) throw new KubeError(409, "AlreadyExists", `${path} already exists`);
    return store(path, body);
  };
  const select = (path: string): Selection & { readonly items: readonly JsonObject[] } => {
    const selection = selectionOf(path);
    const items = [...objects]
      .filter(([place, object]) => selection.matches(place, object))
      .map(([, object]) => object);
    return { ...selection, items };
  };
  const find = (path: string): unknown => {
    try {
      return request({ method: "GET", path });
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined;
      throw error;
    }
  };

  async function* watch(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const { items, matches } = select(path);
    const queue: WatchEvent[] = [{ type: "reset" }, ...items.map(added), { type: "synced" }];
    let wake: (() => void) | undefined;
    const watcher = (place: string, change: Change): void => {
      queue.push(...eventsOf(change, (object) => matches(place, object)));
      wake?.();
    };
    const onAbort = (): void => wake?.();
    watchers.add(watcher);
    signal.addEventListener("abort", onAbort);
    try {
      while (!signal.aborted) {
        const event = queue.shift();
        if (event === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        } else yield structuredClone(event);
      }
    } finally {
      watchers.delete(watcher);
      signal.removeEventListener("abort", onAbort);
    }
  }

  return {
    calls,
    connection: { server: "https://fake", tls: {}, headers: async () => ({}) },
    put: (path, object) => void store(path, object),
    get: (path) => objects.get(path),
    delete: (path) => commit(path, undefined),
    request: async (call) => structuredClone(request(call)),
    find: async (path) => structuredClone(find(path)),
    list: async (path) => structuredClone(asArray(at(request({ method: "GET", path }), "items"))),
    apply: async (path, body) =>
      structuredClone(request({ method: "PATCH", path, body, contentType: "application/apply-patch+yaml" })),
    remove: async (path) => {
      if (find(path) === undefined) return false;
      request({ method: "DELETE", path });
      return true;
    },
    watch,
    stream: async () => new ReadableStream<Uint8Array>(),
  };
}

const COLLECTION = /^(?<group>\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/(?<namespace>[^/]+))?\/(?<kind>[^/]+)$/;
const OBJECT = /^(?<collection>(?:\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/[^/]+)?\/[^/]+)\/(?<name>[^/]+)$/;

function identity(path: string): { readonly name: string; readonly namespace?: string } {
  const { collection = "", name = "" } = OBJECT.exec(path)?.groups ?? {};
  const namespace = COLLECTION.exec(collection)?.groups?.["namespace"];
  return namespace === undefined ? { name } : { name, namespace };
}

function selectionOf(pathAndQuery: string): Selection {
  const url = new URL(pathAndQuery, "https://fake");
  const { group = "", namespace, kind = "" } = COLLECTION.exec(url.pathname)?.groups ?? {};
  const labels = terms(url.searchParams.get("labelSelector"));
  const fields = terms(url.searchParams.get("fieldSelector"));
  const matches = (path: string, object: unknown): boolean => {
    const collection = OBJECT.exec(path)?.groups?.["collection"] ?? "";
    const place = COLLECTION.exec(collection)?.groups;
    if (place?.["group"] !== group || place["kind"] !== kind) return false;
    if (namespace !== undefined && place["namespace"] !== namespace) return false;
    const has = asStringRecord(at(object, "metadata", "labels"));
    return (
      labels.every(([key, value]) => key in has && (value === undefined || has[key] === value)) &&
      fields.every(([key, value]) => at(object, ...key.split(".")) === value)
    );
  };
  return { path: url.pathname, matches };
}

function terms(selector: string | null): readonly (readonly [string, string | undefined])[] {
  return (selector ?? "")
    .split(",")
    .filter((term) => term !== "")
    .map((term) => {
      const [key = "", value] = term.split("=");
      return [key, value];
    });
}

function eventsOf(change: Change, matches: (object: unknown) => boolean): readonly WatchEvent[] {
  const before = change.before !== undefined && matches(change.before);
  const after = change.after !== undefined && matches(change.after);
  if (after) return [{ type: before ? "modified" : "added", object: change.after }];
  return before ? [{ type: "deleted", object: change.after ?? change.before }] : [];
}

function added(object: unknown): WatchEvent {
  return { type: "added", object };
}

function missing(path: string): never {
  throw new KubeError(404, "NotFound", `${path} not found`);
}

function checkVersion(object: unknown, wanted: unknown): void {
  if (wanted === undefined || at(object, "metadata", "resourceVersion") === wanted) return;
  throw new KubeError(409, "Conflict", "the object has been modified");
}

function merge(old: unknown, change: unknown): unknown {
  if (!isObject(old) || !isObject(change)) return change;
  const merged = Object.entries(change).map(([key, value]) => [key, merge(old[key], value)]);
  return { ...old, ...(Object.fromEntries(merged) as JsonObject) };
}

function jsonPatch(object: unknown, operations: readonly unknown[]): unknown {
  const patched: unknown = structuredClone(object);
  for (const operation of operations) {
    const keys = (asString(at(operation, "path")) ?? "").split("/").slice(1).map(unescapePointer);
    const last = keys.pop() ?? "";
    const parent = at(patched, ...keys.map((key) => (/^\d+$/.test(key) ? Number(key) : key))) as Record<
      string,
      unknown
    >;
    const value = at(operation, "value");
    switch (at(operation, "op")) {
      case "test":
        if (!Bun.deepEquals(parent[last], value)) throw new KubeError(422, "Invalid", "the test failed");
        break;
      case "remove":
        Reflect.deleteProperty(parent, last);
        break;
      default:
        parent[last] = value;
    }
  }
  return patched;
}

function unescapePointer(key: string): string {
  return key.replaceAll("~1", "/").replaceAll("~0", "~");
}
