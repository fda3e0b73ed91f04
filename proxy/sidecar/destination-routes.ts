/** The latest route to each destination: a connection begins with what others to the same place have asked. */
import { DESTINATIONS_MAX } from "../../core/limits.ts";
import type { RouteTable } from "../../core/routing.ts";
import { type Endpoint, endpointKey } from "../tcp/dial.ts";
import { LatestRoute, type RouteSearch } from "./latest-route.ts";

export class DestinationRoutes<T> {
  readonly #table: Pick<RouteTable, "revision">;
  readonly #find: (original: Endpoint, question: RouteSearch) => T;
  /** By address and port. */
  readonly #latest = new Map<string, LatestRoute<T>>();

  constructor(table: Pick<RouteTable, "revision">, find: (original: Endpoint, question: RouteSearch) => T) {
    this.#table = table;
    this.#find = find;
  }

  /** For one connection: requests of other spaces on other connections do not make it search again. */
  of(original: Endpoint): LatestRoute<T> {
    const shared = this.#shared(original);
    return new LatestRoute(this.#table, (question) => shared.search(question));
  }

  #shared(original: Endpoint): LatestRoute<T> {
    const key = endpointKey(original);
    const known = this.#latest.get(key);
    if (known !== undefined) return known;
    const [oldest] = this.#latest.keys();
    if (this.#latest.size >= DESTINATIONS_MAX && oldest !== undefined) this.#latest.delete(oldest);
    const made = new LatestRoute(this.#table, (question) => this.#find(original, question));
    this.#latest.set(key, made);
    return made;
  }
}
