/** The route of a connection's latest request: most requests ask what the one before them asked. */
import type { RouteTable } from "../../core/routing.ts";
import { anyOf } from "../routing/from-outside.ts";

/** All that a request decides about its route, beside the connection it came on. */
export interface RouteQuestion {
  readonly authority: string | undefined;
  readonly routeAs: string | undefined;
  readonly mark: string | undefined;
}

type AskedSpace = Pick<RouteQuestion, "authority" | "routeAs">;

export interface RouteSearch extends RouteQuestion {
  /** One of `count` endpoints: where it is called, every request asks anew. */
  readonly pick: (count: number) => number;
}

export type FindRoute<T> = (question: RouteSearch) => T;

export class LatestRoute<T> {
  readonly #table: Pick<RouteTable, "revision">;
  readonly #find: FindRoute<T>;
  #question: RouteQuestion = { authority: undefined, routeAs: undefined, mark: undefined };
  #revision = 0;
  #route: T | undefined;

  constructor(table: Pick<RouteTable, "revision">, find: FindRoute<T>) {
    this.#table = table;
    this.#find = find;
  }

  of({ authority, routeAs }: AskedSpace, mark: string | undefined): T {
    const last = this.#question;
    const isSame = routeAs === last.routeAs && authority === last.authority && mark === last.mark;
    if (isSame && this.#route !== undefined && this.#revision === this.#table.revision) return this.#route;
    return this.#search({ authority, routeAs, mark });
  }

  #search(question: RouteQuestion): T {
    let picked = false;
    const pick = (count: number): number => {
      picked = true;
      return anyOf(count);
    };
    const route = this.#find({ ...question, pick });
    this.#route = picked ? undefined : route;
    this.#question = question;
    this.#revision = this.#table.revision;
    return route;
  }
}
