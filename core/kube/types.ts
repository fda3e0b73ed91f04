/** The little of Kubernetes' API that in-cluster programs and the thin client share. Objects stay `unknown` until parsed. */

/** How to reach one API server as one user. */
export interface KubeConnection {
  /** `https://host:port` with an optional path, no trailing slash. */
  readonly server: string;
  readonly tls: KubeTls;
  /** Called for each request: tokens of service accounts rotate on disk. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
}

/** PEM texts. */
export interface KubeTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized?: boolean;
  readonly serverName?: string;
}

export interface KubeRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute path with query, for example `/api/v1/namespaces?limit=500`. */
  readonly path: string;
  readonly body?: unknown;
  /** Of the body; default `application/json`. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** Default API_CALL_MS_MAX. */
  readonly timeoutMs?: number;
}

/** What a watch yields. `synced` marks the end of the initial list; after a lost watch the list comes again, so consumers replace their state between `reset` and `synced`. */
export type WatchEvent =
  | { readonly type: "reset" }
  | { readonly type: "synced" }
  | { readonly type: "added" | "modified" | "deleted"; readonly object: unknown };

/** An answer of the API server that is not a success (Kubernetes Status object). */
export class KubeError extends Error {
  override readonly name = "KubeError";
  /** HTTP status code. */
  readonly status: number;
  /** `Status.reason`, for example `NotFound`, `AlreadyExists`, `Conflict`, `Forbidden`, `Expired`. */
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** Calls against one API server. Every method throws KubeError for an answer that is no success, and honours its signal. */
export interface KubeClient {
  readonly connection: KubeConnection;
  /** The parsed JSON answer. */
  readonly request: (request: KubeRequest) => Promise<unknown>;
  /** `undefined` when the object does not exist. */
  readonly find: (path: string, signal?: AbortSignal) => Promise<unknown>;
  /** All items, following `continue`. */
  readonly list: (path: string, signal?: AbortSignal) => Promise<readonly unknown[]>;
  /** Server-side apply as FIELD_MANAGER; `force` takes over fields of other managers. */
  readonly apply: (
    path: string,
    object: unknown,
    options?: { readonly force?: boolean; readonly signal?: AbortSignal },
  ) => Promise<unknown>;
  /** False when there was nothing to delete. */
  readonly remove: (
    path: string,
    options?: { readonly propagation?: "Foreground" | "Background"; readonly signal?: AbortSignal },
  ) => Promise<boolean>;
  /** Lists, then follows for ever (until the signal): re-lists after 410, reconnects with back-off. `path` is a collection, with optional selectors. */
  readonly watch: (path: string, signal: AbortSignal) => AsyncIterable<WatchEvent>;
  /** The body as it comes, for logs. */
  readonly stream: (request: KubeRequest) => Promise<ReadableStream<Uint8Array>>;
}
