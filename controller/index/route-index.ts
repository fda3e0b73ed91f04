/** Everything the feed and the reconciliation know of the cluster, kept current from three watches. No effects. */
import { isDeepStrictEqual } from "node:util";
import type { WatchEvent } from "../../core/kube/types.ts";
import { serviceKey, type IngressRecord, type ServiceKey, type ServiceRecord } from "../../core/route-table.ts";
import { Collection } from "./collection.ts";
import { parseIngress, type Ingress } from "../../core/ingress.ts";
import type { RouteTable } from "./route-table.ts";
import { parseService, parseSlice, recordOf, type Slice } from "./service.ts";
import { forestOf, isTerminating, spaceOfNamespace, type Forest, type Space } from "./space.ts";

export type WatchedKind = "namespaces" | "services" | "slices" | "ingresses";

/** Stands for the whole cluster where the root of a tree is asked for; no namespace can have this name. */
export const EVERY_TREE = "*";

/** Records of one namespace by Service name. */
type Records = Map<string, ServiceRecord>;

export class RouteIndex {
  readonly #spaces = new Collection(spaceOfNamespace);
  readonly #terminating = new Collection(isTerminating);
  readonly #services = new Collection(parseService);
  readonly #slices = new Collection(parseSlice);
  readonly #ingresses = new Collection(parseIngress);
  #ingressTable: readonly IngressRecord[] = [];
  readonly #slicesOf = new Map<ServiceKey, Map<string, Slice>>();
  readonly #records = new Map<string, Records>();
  readonly #dirty = new Set<ServiceKey>();
  readonly #tables = new Map<string, RouteTable>();
  #forest: Forest | undefined;

  /** Whether every first list is complete; before that, tables are not to be shown to anybody. */
  get synced(): boolean {
    return this.#spaces.synced && this.#services.synced && this.#slices.synced && this.#ingresses.synced;
  }

  /** Whether `namespace` was a space and is being deleted. */
  isTerminating(namespace: string): boolean {
    return this.#terminating.get(namespace) ?? false;
  }

  spaces(): readonly Space[] {
    return [...this.#spaces.values()];
  }

  forest(): Forest {
    this.#forest ??= forestOf(this.#spaces.values());
    return this.#forest;
  }

  /** Every Ingress of the cluster, whether of a space or not. */
  ingresses(): readonly Ingress[] {
    return [...this.#ingresses.values()];
  }

  /** What the gateway is told of Ingresses; true when it differs from what it was told before. */
  setIngressTable(table: readonly IngressRecord[]): boolean {
    if (isDeepStrictEqual(table, this.#ingressTable)) return false;
    this.#ingressTable = table;
    this.#tables.delete(EVERY_TREE);
    return true;
  }

  /** The root of the tree that `namespace` belongs to; `undefined` when it is no space. */
  rootOf(namespace: string): string | undefined {
    if (namespace === EVERY_TREE) return EVERY_TREE;
    return this.forest().rootOf.get(namespace);
  }

  /** The routes of one tree: the same object as before as long as nothing in the tree changed. */
  table(root: string): RouteTable {
    this.#settle();
    const known = this.#tables.get(root);
    if (known !== undefined) return known;
    if (root === EVERY_TREE) return this.#everyTree();
    const spaces = this.forest().trees.get(root) ?? [];
    const services = spaces.flatMap((space) => [...(this.#records.get(space.name)?.values() ?? [])]);
    const table = { spaces, services: new Map(services.map((service) => [serviceKey(service), service])) };
    this.#tables.set(root, table);
    return table;
  }

  #everyTree(): RouteTable {
    const trees = [...this.forest().trees.keys()].toSorted().map((root) => this.table(root));
    const table = {
      spaces: trees.flatMap((tree) => tree.spaces),
      services: new Map(trees.flatMap((tree) => Array.from(tree.services))),
      ingresses: this.#ingressTable,
    };
    this.#tables.set(EVERY_TREE, table);
    return table;
  }

  /** Takes in one event of one watch; true when something known here changed. */
  apply(kind: WatchedKind, event: WatchEvent): boolean {
    switch (kind) {
      case "namespaces":
        return this.#applySpaces(event);
      case "services":
        return this.#applyServices(event);
      case "slices":
        return this.#applySlices(event);
      case "ingresses":
        return this.#ingresses.apply(event).some((change) => !isDeepStrictEqual(change.before, change.after));
    }
  }

  #applySpaces(event: WatchEvent): boolean {
    this.#terminating.apply(event);
    const changes = this.#spaces.apply(event).filter((change) => !isDeepStrictEqual(change.before, change.after));
    if (changes.length === 0) return false;
    this.#forest = undefined;
    this.#tables.clear();
    return true;
  }

  #applyServices(event: WatchEvent): boolean {
    const changes = this.#services.apply(event);
    for (const change of changes) this.#dirty.add(change.key);
    return changes.length > 0;
  }

  #applySlices(event: WatchEvent): boolean {
    const changes = this.#slices.apply(event);
    for (const { key, before, after } of changes) {
      if (before !== undefined) this.#forgetSlice(before.service, key);
      if (after === undefined) continue;
      const slices = this.#slicesOf.get(after.service) ?? new Map<string, Slice>();
      this.#slicesOf.set(after.service, slices.set(key, after));
      this.#dirty.add(after.service);
    }
    return changes.length > 0;
  }

  #forgetSlice(service: ServiceKey, key: string): void {
    const slices = this.#slicesOf.get(service);
    slices?.delete(key);
    if (slices?.size === 0) this.#slicesOf.delete(service);
    this.#dirty.add(service);
  }

  /** Makes the records of everything touched since the last time; equal ones keep their identity. */
  #settle(): void {
    for (const key of this.#dirty) this.#settleService(key);
    this.#dirty.clear();
  }

  #settleService(key: ServiceKey): void {
    const [namespace = "", name = ""] = key.split("/");
    const service = this.#services.get(key);
    const records: Records = this.#records.get(namespace) ?? new Map();
    const before = records.get(name);
    const after = service && recordOf(service, [...(this.#slicesOf.get(key)?.values() ?? [])]);
    if (isDeepStrictEqual(before, after)) return;
    if (after === undefined) records.delete(name);
    else records.set(name, after);
    if (records.size === 0) this.#records.delete(namespace);
    else this.#records.set(namespace, records);
    this.#tables.delete(this.rootOf(namespace) ?? "");
    this.#tables.delete(EVERY_TREE);
  }
}
