/** The routes of one tree as a value, and the messages that lead from one value to the next. */
import { isDeepStrictEqual } from "node:util";
import type {
  FeedMessage,
  FeedVersion,
  IngressRecord,
  ServiceKey,
  ServiceRecord,
  SpaceRecord,
} from "../../core/route-table.ts";

export interface RouteTable {
  readonly spaces: readonly SpaceRecord[];
  readonly services: ReadonlyMap<ServiceKey, ServiceRecord>;
  /** In the table of the whole cluster alone. */
  readonly ingresses?: readonly IngressRecord[];
}

export function snapshotOf(table: RouteTable, version: FeedVersion): FeedMessage {
  const { spaces, services, ingresses } = table;
  return {
    type: "snapshot",
    version,
    spaces,
    services: [...services.values()],
    ...(ingresses === undefined ? {} : { ingresses }),
  };
}

/**
 * Removals come first: a new Service may have got the address of a removed one. Records that are the same object count
 * as equal; the index keeps them so.
 */
export function changesOf(before: RouteTable, after: RouteTable, version: FeedVersion): readonly FeedMessage[] {
  const removed = [...before.services.keys()].filter((key) => !after.services.has(key));
  const changed = [...after.services].filter(([key, service]) => before.services.get(key) !== service);
  return [
    ...removed.map((key): FeedMessage => ({ type: "removed", version, key })),
    ...(isDeepStrictEqual(before.spaces, after.spaces)
      ? []
      : [{ type: "spaces", version, spaces: after.spaces } satisfies FeedMessage]),
    ...(after.ingresses === undefined || after.ingresses === before.ingresses
      ? []
      : [{ type: "ingresses", version, ingresses: after.ingresses } satisfies FeedMessage]),
    ...changed.map(([, service]): FeedMessage => ({ type: "service", version, service })),
  ];
}
