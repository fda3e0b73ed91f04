import { LOCAL_HOST_SUFFIX } from "../../core/contract.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { connect } from "../cluster/connect.ts";
import { findGateway } from "../cluster/gateway.ts";
import { readInfo } from "../cluster/info.ts";
import type { Context } from "../context.ts";
import { readTunnels } from "../settings/tunnels.ts";
import { type CurrentSpace, currentSpace, describeSpace } from "../spaces/current.ts";
import { listTree } from "../spaces/namespaces.ts";
import { readRunning } from "../spaces/running.ts";
import { isInRing } from "../spaces/tree.ts";
import { urisOf } from "../spaces/uris.ts";

export async function run(args: { readonly all: boolean }, context: Context): Promise<number> {
  const cluster = await connect(context);
  const spaces = await (args.all
    ? allSpaces(context, cluster)
    : currentSpace(context, cluster).then((space) => [space]));
  const namespaces = [...new Set(spaces.flatMap(({ name, ancestors }) => [name, ...ancestors]))];
  const [{ services }, tunnels, { hostSuffix, tls }, gateway] = await Promise.all([
    readRunning(cluster, namespaces, context.signal),
    readTunnels(context.host, cluster),
    readInfo(cluster, context.signal),
    findGateway(cluster, context.signal),
  ]);
  const uris = spaces.flatMap((space) => urisOf(space, { services, tunnels, hostSuffix, tls, gateway }));
  context.emit({ type: "table", columns: ["Uri", "Status"], rows: uris.map(({ uri, status }) => [uri, status]) });
  if (gateway.kind === "pending" && hostSuffix !== LOCAL_HOST_SUFFIX) {
    context.emit({ type: "message", level: "warning", text: `Pending: ${gateway.why}` });
  }
  context.emit({ type: "result", name: "uris", data: uris });
  return 0;
}

async function allSpaces({ signal }: Context, { kube }: Cluster): Promise<readonly CurrentSpace[]> {
  const tree = await listTree(kube, signal);
  return [...tree.values()]
    .filter(({ name, isSpace, isTerminating }) => isSpace && !isTerminating && !isInRing(tree, name))
    .map(({ name }) => describeSpace(tree, name));
}
