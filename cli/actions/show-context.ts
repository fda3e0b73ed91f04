import { connect } from "../cluster/connect.ts";
import { readInfo } from "../cluster/info.ts";
import type { Context } from "../context.ts";
import { currentSpace } from "../spaces/current.ts";
import { selectedSpace } from "../spaces/selection.ts";

export async function run(_args: unknown, context: Context): Promise<number> {
  const cluster = await connect(context);
  const info = await readInfo(cluster, context.signal);
  const isSelected = (await selectedSpace(context, cluster)) !== undefined;
  const space = isSelected ? (await currentSpace(context, cluster)).path : "";
  const hostSuffix = info.hostSuffix.replace(/^\./, "");
  const endpointType = info.endpoint.charAt(0).toUpperCase() + info.endpoint.slice(1);
  context.emit({
    type: "table",
    columns: ["Name", "DevSpace", "HostSuffix", "EndpointType"],
    rows: [[cluster.context, space, hostSuffix, endpointType]],
  });
  const { server } = cluster.kube.connection;
  context.emit({
    type: "result",
    name: "context",
    data: { name: cluster.context, server, devSpace: space, hostSuffix, endpointType },
  });
  return 0;
}
