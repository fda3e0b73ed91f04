/** One watched kind of objects, kept in parsed form. */
import type { WatchEvent } from "../../core/kube/types.ts";
import { asString, at } from "../../core/parse.ts";

export interface Change<T> {
  /** `<namespace>/<name>`, or the name of an object without namespace. */
  readonly key: string;
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/**
 * Follows the events of one watch. While a list comes again (`reset` to `synced`) the old objects stay in force; those
 * that the new list lacks go at its end.
 */
export class Collection<T> {
  readonly #parse: (object: unknown) => T | undefined;
  readonly #objects = new Map<string, T>();
  #listed: Set<string> | undefined;
  #synced = false;

  /** @param parse gives `undefined` for objects that are none of ours. */
  constructor(parse: (object: unknown) => T | undefined) {
    this.#parse = parse;
  }

  /** Whether a list was complete once. */
  get synced(): boolean {
    return this.#synced;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** What the event changed; objects of no interest before and after give nothing. */
  apply(event: WatchEvent): readonly Change<T>[] {
    switch (event.type) {
      case "reset":
        this.#listed = new Set();
        return [];
      case "synced":
        return this.#endList();
      case "added":
      case "modified":
        return this.#put(objectKey(event.object), this.#parse(event.object));
      case "deleted":
        return this.#put(objectKey(event.object), undefined);
    }
  }

  #endList(): readonly Change<T>[] {
    const listed = this.#listed ?? new Set(this.#objects.keys());
    const gone = [...this.#objects.keys()].filter((key) => !listed.has(key));
    this.#listed = undefined;
    this.#synced = true;
    return gone.flatMap((key) => this.#put(key, undefined));
  }

  #put(key: string, after: T | undefined): readonly Change<T>[] {
    const before = this.#objects.get(key);
    if (after === undefined) this.#objects.delete(key);
    else this.#objects.set(key, after);
    this.#listed?.add(key);
    return before === undefined && after === undefined ? [] : [{ key, before, after }];
  }
}

function objectKey(object: unknown): string {
  const name = asString(at(object, "metadata", "name")) ?? "";
  const namespace = asString(at(object, "metadata", "namespace"));
  return namespace === undefined ? name : `${namespace}/${name}`;
}
