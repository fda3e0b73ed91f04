/** Which rule of which Ingress a request from outside meets (networking.k8s.io/v1, IngressRule). Pure. */
import type { IngressBackend, IngressRecord, IngressRule } from "./route-table.ts";
import type { RouteTable } from "./routing.ts";
import { parseHost } from "./space-host.ts";

export interface IngressMatch {
  readonly namespace: string;
  /** Of the Ingress. */
  readonly name: string;
  readonly backend: IngressBackend;
  /** The space that the host names before the rule's own: `<child>.s.<host>`. */
  readonly child: string | undefined;
}

interface Candidate {
  readonly record: IngressRecord;
  readonly child: string | undefined;
  /** Exact host before a child's, before a wildcard's, before none. */
  readonly rank: number;
  readonly rule: IngressRule | undefined;
}

/** @param host lower case, without port */
export function matchIngress(
  table: RouteTable,
  request: { readonly host: string; readonly path: string; readonly hostSuffix: string },
): IngressMatch | undefined {
  const owner = ownerOf(table, request.host, request.hostSuffix);
  const candidates = table.ingresses
    // Nobody takes over the hosts of another tree.
    .filter((record) => owner === undefined || rootOf(table, record.namespace) === owner)
    .flatMap((record) => candidatesOf(table, record, request));
  const [best] = candidates.toSorted(compare);
  const backend = best?.rule?.backend ?? best?.record.fallback;
  if (best === undefined || backend === undefined) return undefined;
  return { namespace: best.record.namespace, name: best.record.name, backend, child: best.child };
}

/** The root of the tree whose host this is, under our own suffix. */
function ownerOf(table: RouteTable, host: string, hostSuffix: string): string | undefined {
  if (!host.endsWith(hostSuffix.toLowerCase())) return undefined;
  const root = parseHost(host, hostSuffix, table)?.root;
  return root !== undefined && table.hasSpace(root) ? root : undefined;
}

function candidatesOf(
  table: RouteTable,
  record: IngressRecord,
  { host, path }: { readonly host: string; readonly path: string },
): readonly Candidate[] {
  const hosts = record.rules.flatMap((rule) => {
    const met = meetHost(table, record, { host, pattern: rule.host });
    return met === undefined ? [] : [{ record, rule, ...met }];
  });
  const met = hosts.filter(({ rule }) => meetsPath(rule, path));
  if (record.fallback === undefined) return met;
  // The default backend answers for the hosts of its Ingress; without any rule, for all.
  if (record.rules.length === 0) return [{ record, rule: undefined, child: undefined, rank: 3 }];
  return [...met, ...hosts.map(({ child, rank }) => ({ record, rule: undefined, child, rank }))];
}

function meetHost(
  table: RouteTable,
  record: IngressRecord,
  { host, pattern }: { readonly host: string; readonly pattern: string },
): Pick<Candidate, "child" | "rank"> | undefined {
  if (pattern === "") return { child: undefined, rank: 3 };
  if (pattern === host) return { child: undefined, rank: 0 };
  if (host.endsWith(`.s.${pattern}`)) {
    const child = host.slice(0, -`.s.${pattern}`.length);
    const isBelow = table.ancestry(child).includes(record.namespace) && child !== record.namespace;
    return isBelow ? { child, rank: 1 } : undefined;
  }
  // `*` stands for exactly one label.
  const isWild = pattern.startsWith("*.") && host.slice(host.indexOf(".")) === pattern.slice(1);
  return isWild ? { child: undefined, rank: 2 } : undefined;
}

/** `Prefix` compares whole elements of the path. */
function meetsPath({ path, exact }: IngressRule, asked: string): boolean {
  if (exact) return path === asked;
  const prefix = path.endsWith("/") ? path.slice(0, -1) : path;
  return asked === prefix || asked.startsWith(`${prefix}/`);
}

/** The nearer host, then the longer path, `Exact` first; then by name, so that every replica answers alike. */
function compare(a: Candidate, b: Candidate): number {
  return (
    a.rank - b.rank ||
    (b.rule?.path.length ?? -1) - (a.rule?.path.length ?? -1) ||
    Number(b.rule?.exact ?? false) - Number(a.rule?.exact ?? false) ||
    (keyOf(a.record) < keyOf(b.record) ? -1 : 1)
  );
}

function keyOf(record: IngressRecord): string {
  return `${record.namespace}/${record.name}`;
}

function rootOf(table: RouteTable, space: string): string {
  return table.ancestry(space).at(-1) ?? space;
}
