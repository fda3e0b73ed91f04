/** What a name of the cluster's DNS means in a pod of a space, whose search list has its ancestors too. Pure. */
import { hostLabels } from "./host-name.ts";
import type { ServiceRecord } from "./route-table.ts";
import type { RouteTable } from "./routing.ts";

export interface ServiceName {
  readonly name: string;
  /** Absent: looked for from the own space upwards. */
  readonly namespace?: string;
}

/** `web`, `web.team`, `web.team.svc` and `web.team.svc.<domain>`; `undefined` for any other form. */
export function parseServiceName(authority: string): ServiceName | undefined {
  const labels = hostLabels(authority.replace(/\.(?=(?::\d*)?$)/, ""));
  const [name = "", namespace, svc] = labels;
  if (labels.includes("") || (svc !== undefined && svc !== "svc")) return undefined;
  if (!/^[a-z0-9-]+$/.test(name)) return undefined;
  return namespace === undefined ? { name } : { name, namespace };
}

/** The Service whose address the name gives in a pod of `space`; a headless one without a ready pod has none. */
export function resolveService(
  table: RouteTable,
  space: string,
  { name, namespace }: ServiceName,
): ServiceRecord | undefined {
  if (namespace !== undefined) return table.find(namespace, name);
  return table
    .ancestry(space)
    .flatMap((ancestor) => table.find(ancestor, name) ?? [])
    .find(hasAddress);
}

function hasAddress({ ips, endpoints }: ServiceRecord): boolean {
  return ips.length > 0 || endpoints.length > 0;
}
