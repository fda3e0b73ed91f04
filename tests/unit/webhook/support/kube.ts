import { KubeError, type KubeClient, type KubeRequest, type WatchEvent } from "../../../../core/kube/types.ts";

export interface FakeKube {
  readonly client: KubeClient;
  /** Every call of `request` and `find`, in order. */
  readonly calls: KubeRequest[];
  /** Sends an event to the watch of `path`. */
  readonly send: (path: string, event: WatchEvent) => void;
}

interface Cluster {
  /** What `find` answers, by path; an Error is thrown. */
  readonly objects?: Readonly<Record<string, unknown>>;
  /** What a watch lists first, by path. */
  readonly lists?: Readonly<Record<string, readonly unknown[]>>;
  /** What `request` answers; without it an empty object. */
  readonly answer?: (request: KubeRequest) => Promise<unknown>;
}

/** The part of a cluster that the webhook sees. */
export function fakeKube({
  objects = {},
  lists = {},
  answer = async () => Promise.resolve({}),
}: Cluster = {}): FakeKube {
  const calls: KubeRequest[] = [];
  const queues = new Map<string, { readonly events: WatchEvent[]; wake: () => void }>();
  const queue = (path: string): { readonly events: WatchEvent[]; wake: () => void } => {
    const entry = queues.get(path) ?? {
      events: [
        { type: "reset" } as const,
        ...(lists[path] ?? []).map((object) => ({ type: "added", object }) as const),
        { type: "synced" } as const,
      ],
      wake: () => {},
    };
    queues.set(path, entry);
    return entry;
  };
  const client: KubeClient = {
    connection: { server: "https://fake", tls: {}, headers: async () => Promise.resolve({}) },
    request: async (request) => {
      calls.push(request);
      return answer(request);
    },
    find: async (path) => {
      calls.push({ method: "GET", path });
      const found = objects[path];
      if (found instanceof Error) throw found;
      return Promise.resolve(found);
    },
    watch: (path, signal) => follow(queue(path), signal),
    list: unused,
    apply: unused,
    remove: unused,
    stream: unused,
  };
  return {
    client,
    calls,
    send: (path, event) => {
      const entry = queue(path);
      entry.events.push(event);
      entry.wake();
    },
  };
}

async function unused(): Promise<never> {
  return Promise.reject(new KubeError(501, "NotImplemented", "Not part of the fake"));
}

async function* follow(
  queue: { readonly events: WatchEvent[]; wake: () => void },
  signal: AbortSignal,
): AsyncGenerator<WatchEvent, void, undefined> {
  while (!signal.aborted) {
    const event = queue.events.shift();
    if (event !== undefined) {
      yield event;
      continue;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    Object.assign(queue, { wake: resolve });
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
  }
}
