/** All that the way of a request depends on. */
import type { SpaceReader } from "../../core/request-space.ts";
import type { Address } from "./address.ts";
import type { Routes } from "./read-routes.ts";
import type { Facts } from "./space-facts.ts";

export interface Gateway {
  /** With its leading dot. */
  readonly hostSuffix: string;
  readonly isThere: boolean;
  readonly trustsHeader: boolean;
}

export interface Question {
  readonly address: Address;
  readonly method: string;
  /** All header fields, names in lower case. */
  readonly fields: Readonly<Record<string, string>>;
  /** The space of the caller. */
  readonly caller: string;
  /** Values of the route header and of `baggage`. */
  readonly header: string | undefined;
  readonly baggage: string | undefined;
  readonly routes: Routes;
  readonly gateway: Gateway;
  readonly facts: Facts;
}

/** A sidecar of this tree. */
export function readerOf({ routes }: Pick<Question, "routes">): SpaceReader {
  return { routes, config: routes.sidecar.config };
}

/** As the sidecars of this tree have it. */
export function suffixOf({ routes }: Pick<Question, "routes">): string {
  return routes.sidecar.config.hostSuffix;
}
