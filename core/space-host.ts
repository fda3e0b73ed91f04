/** Host names that say space and service: `[<child>.s.]<root>.<service><suffix>`. */
import { withoutPort } from "./host-name.ts";
import type { RouteTable } from "./routing.ts";

export interface SpaceHost {
  /** The child of `<child>.s.<root>.<service>`. */
  readonly routeAs?: string;
  readonly root: string;
  readonly service: string;
}

/**
 * Reads `[<child>.s.]<root>.<service><suffix>`. Under a foreign suffix (the user's own domain) the labels must name
 * spaces, and in the short form a Service, of this table.
 */
export function parseHost(host: string, hostSuffix: string, table: RouteTable): SpaceHost | undefined {
  const name = withoutPort(host).toLowerCase();
  const suffix = hostSuffix.toLowerCase();
  if (name.endsWith(suffix)) {
    const labels = name.slice(0, name.length - suffix.length).split(".");
    const parsed = spaceLabels(labels);
    if (parsed !== undefined && parsed.length === labels.length) return parsed.host;
  }
  const parsed = spaceLabels(name.split("."));
  if (parsed === undefined || !table.hasSpace(parsed.host.root)) return undefined;
  const { routeAs, root, service } = parsed.host;
  const known = routeAs === undefined ? knowsService(table, root, service) : table.hasSpace(routeAs);
  return known ? parsed.host : undefined;
}

function knowsService(table: RouteTable, space: string, service: string): boolean {
  return table.ancestry(space).some((ancestor) => table.find(ancestor, service) !== undefined);
}

/** By the form alone, whatever exists. @returns how many labels it took */
export function spaceLabels(
  labels: readonly string[],
): { readonly host: SpaceHost; readonly length: number } | undefined {
  const [first, second, third, fourth] = labels;
  if (first === undefined || first === "" || second === undefined || second === "") return undefined;
  if (second !== "s" || third === undefined || fourth === undefined)
    return { host: { root: first, service: second }, length: 2 };
  if (third === "" || fourth === "") return undefined;
  return { host: { routeAs: first, root: third, service: fourth }, length: 4 };
}
