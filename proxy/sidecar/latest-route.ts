/** The route of the latest request: most requests ask what the one before them asked. */
import type { RouteTable } from "../../core/routing.ts";
import { anyOf } from "../routing/from-outside.ts";

/** All that a request decides about its route, beside the destination of its connection. */
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

const NO_QUESTION: RouteQuestion = { authority: undefined, routeAs: undefined, mark: undefined };

export class LatestRoute<T> {
  readonly #table: Pick<RouteTable, "revision">;
  readonly #find: FindRoute<T>;
  #question: RouteQuestion = NO_QUESTION;
  #revision = 0;
  #route: T | undefined;

  constructor(table: Pick<RouteTable, "revision">, find: FindRoute<T>) {
    this.#table = table;
    this.#find = find;
  }

  of(space: AskedSpace, mark: string | undefined): T {
    const { authority, routeAs } = space;
    return this.#known(space, mark) ?? this.#search({ authority, routeAs, mark, pick: anyOf });
  }

  search(question: RouteSearch): T {
    return this.#known(question, question.mark) ?? this.#search(question);
  }

  #known({ authority, routeAs }: AskedSpace, mark: string | undefined): T | undefined {
    const last = this.#question;
    const isSame = routeAs === last.routeAs && authority === last.authority && mark === last.mark;
    return isSame && this.#revision === this.#table.revision ? this.#route : undefined;
  }

  #search(question: RouteSearch): T {
    let picked = false;
    const pick = (count: number): number => {
      picked = true;
      return question.pick(count);
    };
    const { revision } = this.#table;
    const route = this.#find({ ...question, pick });
    this.#route = picked ? undefined : route;
    this.#question = question;
    this.#revision = revision;
    return route;
  }
}
