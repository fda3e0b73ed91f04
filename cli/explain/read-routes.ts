/** The route table as a running sidecar has it: what it decides is decided by this. */
import { CONTAINER, ENV, PORT } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";
import { parseFeedMessage } from "../../core/feed-message.ts";
import { openPortForward } from "../../core/kube/port-forward.ts";
import { podsPath } from "../../core/kube/paths.ts";
import { type KubeClient, KubeError } from "../../core/kube/types.ts";
import { FEED_LINE_BYTES_MAX, ROUTE_SIDECARS_ASKED_MAX, ROUTE_TABLE_MS_MAX } from "../../core/limits.ts";
import { asArray, asString, at } from "../../core/parse.ts";
import { RouteTable } from "../../core/routing.ts";
import { parseSidecarConfig, type SidecarConfig } from "../../core/sidecar-config.ts";
import { ROUTES_WISH } from "../../core/trace.ts";
import { readLine } from "../../core/wire/lines.ts";
import { hasSidecar, podView, type PodView } from "../engine/pods/pod-view.ts";

export interface Sidecar {
  readonly namespace: string;
  readonly pod: string;
  readonly config: SidecarConfig;
}

export interface Routes {
  /** Whose table it is. */
  readonly sidecar: Sidecar;
  readonly table: RouteTable;
}

/**
 * Of the first sidecar that tells: every sidecar of a tree knows the whole tree.
 *
 * @param spaces in which one is looked for, in this order; the first must be in the table
 * @throws AzdsError NO_SIDECAR
 */
export async function readRoutes(kube: KubeClient, spaces: readonly string[], signal: AbortSignal): Promise<Routes> {
  const problems: string[] = [];
  const [wanted = ""] = spaces;
  for (const space of spaces) {
    const sidecars = await findSidecars(kube, space, signal);
    if (sidecars === undefined) problems.push(`pods of \`${space}\` may not be listed`);
    for (const sidecar of sidecars ?? []) {
      const told = await tableOf(sidecar, wanted, { kube, signal });
      if (typeof told !== "string") return { sidecar, table: told };
      problems.push(`pod \`${sidecar.pod}\`: ${told}`);
    }
  }
  const why = problems.length === 0 ? "" : ` (${problems.join("; ")})`;
  throw new AzdsError(
    "NO_SIDECAR",
    `No sidecar of dev space \`${wanted}\`${spaces.length > 1 ? " or above it" : ""} tells its routes${why}`,
  );
}

/** `undefined` where pods may not be listed. */
async function findSidecars(
  kube: KubeClient,
  space: string,
  signal: AbortSignal,
): Promise<readonly Sidecar[] | undefined> {
  try {
    const pods = await kube.list(podsPath(space), signal);
    const found = pods.flatMap((pod) => sidecarOf(pod) ?? []).toSorted((a, b) => Number(b.ready) - Number(a.ready));
    return found.slice(0, ROUTE_SIDECARS_ASKED_MAX);
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return undefined;
    throw error;
  }
}

/** `undefined` for a pod without a running one. */
export function sidecarOf(pod: unknown): (Sidecar & Pick<PodView, "ready">) | undefined {
  const view = podView(pod);
  if (view.deleting || !hasSidecar(view)) return undefined;
  const containers = [...asArray(at(pod, "spec", "initContainers")), ...asArray(at(pod, "spec", "containers"))];
  const container = containers.find((each) => at(each, "name") === CONTAINER.proxy);
  const variable = asArray(at(container, "env")).find((each) => at(each, "name") === ENV.sidecar);
  const text = asString(at(variable, "value"));
  if (text === undefined) return undefined;
  return { namespace: view.namespace, pod: view.name, config: parseSidecarConfig(text), ready: view.ready };
}

interface Way {
  readonly kube: KubeClient;
  readonly signal: AbortSignal;
}

/** Its table, or why it does not count. */
async function tableOf(sidecar: Sidecar, wanted: string, way: Way): Promise<RouteTable | string> {
  try {
    const table = await askForTable(sidecar, way);
    return table.hasSpace(wanted) ? table : `its table has no dev space \`${wanted}\``;
  } catch (error) {
    way.signal.throwIfAborted();
    return reasonOf(error);
  }
}

async function askForTable({ namespace, pod }: Sidecar, { kube, signal }: Way): Promise<RouteTable> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ROUTE_TABLE_MS_MAX)]);
  const stream = await openPortForward(kube.connection, { namespace, pod, port: PORT.traces, signal: limit });
  try {
    await stream.write(new TextEncoder().encode(`${ROUTES_WISH}\n`));
    const { line } = await readLine(stream, FEED_LINE_BYTES_MAX);
    const message = parseFeedMessage(line);
    const table = new RouteTable();
    if (message?.type !== "snapshot" || !table.apply(message)) throw new Error("it said something else");
    return table;
  } finally {
    stream.abort();
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof KubeError && error.status === 403) return "its ports may not be forwarded";
  return error instanceof Error ? error.message : String(error);
}
