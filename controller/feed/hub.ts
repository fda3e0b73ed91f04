/** Who follows which tree, and what each has been told: snapshots to newcomers, the same changes to all of a tree. */
import type { FeedMessage, FeedVersion } from "../../core/route-table.ts";
import type { RouteIndex } from "../index/route-index.ts";
import { changesOf, snapshotOf, type RouteTable } from "../index/route-table.ts";

/** One client's connection. Neither method may throw or call back into the hub. */
export interface FeedSink {
  /** Whole lines with their line feeds. */
  readonly write: (lines: string) => void;
  /** Nothing more comes: the client's namespace is no space any more, or the replica goes away. */
  readonly end: () => void;
}

interface Client {
  readonly namespace: string;
  readonly sink: FeedSink;
  root: string;
}

/** What the clients of one tree have been told. */
interface Published {
  readonly table: RouteTable;
  /** Made when a client needs it: after a restart hundreds ask for the same. */
  snapshot: string | undefined;
}

export class FeedHub {
  readonly #index: RouteIndex;
  readonly #replica: string;
  readonly #clients = new Set<Client>();
  readonly #published = new Map<string, Published>();
  #counter = 0;

  /** @param replica must differ from that of every other process, this one's predecessors included */
  constructor(index: RouteIndex, replica: string) {
    this.#index = index;
    this.#replica = replica;
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Writes the snapshot at once. `undefined` when `namespace` is no space; else the function that ends the subscription. */
  subscribe(namespace: string, sink: FeedSink): (() => void) | undefined {
    const root = this.#index.rootOf(namespace);
    if (root === undefined) return undefined;
    const client: Client = { namespace, sink, root };
    this.#clients.add(client);
    sink.write(this.#snapshot(root));
    return () => {
      this.#clients.delete(client);
    };
  }

  /** Tells every client what changed since the last call. */
  publish(): void {
    this.#counter += 1;
    const changes = new Map([...this.#published.keys()].map((root) => [root, this.#publishTree(root)]));
    for (const client of this.#clients) this.#tell(client, changes);
    const followed = new Set([...this.#clients].map((client) => client.root));
    for (const root of this.#published.keys()) {
      if (!followed.has(root)) this.#published.delete(root);
    }
  }

  ping(): void {
    const line = linesOf([{ type: "ping" }]);
    for (const client of this.#clients) client.sink.write(line);
  }

  close(): void {
    for (const client of this.#clients) client.sink.end();
    this.#clients.clear();
  }

  #tell(client: Client, changes: ReadonlyMap<string, string>): void {
    const root = this.#index.rootOf(client.namespace);
    if (root === undefined) {
      this.#clients.delete(client);
      client.sink.end();
    } else if (root !== client.root) {
      client.root = root;
      client.sink.write(this.#snapshot(root));
    } else {
      const lines = changes.get(root) ?? "";
      if (lines !== "") client.sink.write(lines);
    }
  }

  #publishTree(root: string): string {
    const before = this.#published.get(root)?.table;
    const table = this.#index.table(root);
    if (before === undefined || before === table) return "";
    this.#published.set(root, { table, snapshot: undefined });
    return linesOf(changesOf(before, table, this.#version()));
  }

  #snapshot(root: string): string {
    const published = this.#published.get(root) ?? { table: this.#index.table(root), snapshot: undefined };
    this.#published.set(root, published);
    published.snapshot ??= linesOf([snapshotOf(published.table, this.#version())]);
    return published.snapshot;
  }

  #version(): FeedVersion {
    return { replica: this.#replica, counter: this.#counter };
  }
}

function linesOf(messages: readonly FeedMessage[]): string {
  return messages.map((message) => `${JSON.stringify(message)}\n`).join("");
}
