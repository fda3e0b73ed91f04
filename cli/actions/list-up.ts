import { connect } from "../cluster/connect.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Context } from "../context.ts";
import { age } from "../render/duration.ts";
import { currentSpace } from "../spaces/current.ts";
import { effectiveServices } from "../spaces/effective.ts";
import { listTree } from "../spaces/namespaces.ts";
import { podStatus, readRunning, type RunningService } from "../spaces/running.ts";

interface Row {
  readonly name: string;
  readonly devSpace: string;
  readonly type: "Service" | "Pod";
  /** Milliseconds since the epoch. */
  readonly updated: number;
  readonly status: string;
  /** Who develops it, `user@host`; absent when nobody does. */
  readonly owner?: string;
  /** Files edited in place that its pods have not; absent when there are none. */
  readonly lostEdits?: number;
}

export async function run(args: { readonly all: boolean }, context: Context): Promise<number> {
  const cluster = await connect(context);
  const rows = await (args.all ? allRows(context, cluster) : effectiveRows(context, cluster));
  const now = context.host.clock.now();
  context.emit({
    type: "table",
    columns: ["Name", "DevSpace", "Type", "Updated", "Status"],
    rows: rows.map(({ name, devSpace, type, updated, status }) => [
      name,
      devSpace,
      type,
      `${age(now - updated)} ago`,
      status,
    ]),
  });
  for (const { name, lostEdits = 0 } of rows) {
    if (lostEdits === 0) continue;
    const what = lostEdits === 1 ? "1 edit in place is" : `${lostEdits} edits in place are`;
    const text = `Service '${name}': ${what} lost with the pod that had them; \`azds up\` brings them again`;
    context.emit({ type: "message", level: "warning", text });
  }
  const data = rows.map(({ updated, ...row }) => Object.assign(row, { updated: new Date(updated).toISOString() }));
  context.emit({ type: "result", name: "up", data });
  return 0;
}

async function effectiveRows(context: Context, cluster: Cluster): Promise<readonly Row[]> {
  const space = await currentSpace(context, cluster);
  const { services } = await readRunning(cluster, [space.name, ...space.ancestors], context.signal);
  return effectiveServices(space, services).map(serviceRow);
}

async function allRows(context: Context, cluster: Cluster): Promise<readonly Row[]> {
  const tree = await listTree(cluster.kube, context.signal);
  const spaces = [...tree.values()].filter(({ isSpace }) => isSpace).map(({ name }) => name);
  const { services, pods } = await readRunning(cluster, spaces, context.signal);
  const podRows = pods.map((pod): Row => {
    return { name: pod.name, devSpace: pod.namespace, type: "Pod", updated: pod.created, status: podStatus(pod) };
  });
  return [...services.map(serviceRow), ...podRows];
}

function serviceRow({ name, namespace, updated, status, session, lostEdits }: RunningService): Row {
  const owner = session === undefined ? {} : { owner: session.owner };
  const lost = lostEdits === 0 ? {} : { lostEdits };
  return { name, devSpace: namespace, type: "Service", updated, status, ...owner, ...lost };
}
