/** Which space is selected in a cluster. */
import type { Cluster } from "../cluster/cluster.ts";
import type { Context } from "../context.ts";
import { readSettings, type Selection, writeSettings } from "../settings/settings.ts";

/** The namespace, or `undefined`. It may have been removed since. */
export async function selectedSpace({ host, emit }: Context, cluster: Cluster): Promise<string | undefined> {
  const { selections } = await readSettings(host, emit);
  return selections.find((selection) => isOf(selection, cluster))?.space;
}

/** @param space `undefined`: none from now on */
export async function storeSelection(
  { host, emit }: Context,
  cluster: Cluster,
  space: string | undefined,
): Promise<void> {
  const { selections } = await readSettings(host, emit);
  const others = selections.filter((selection) => !isOf(selection, cluster));
  const own = space === undefined ? [] : [{ context: cluster.context, server: cluster.kube.connection.server, space }];
  await writeSettings(host, { selections: [...others, ...own] });
}

/** By server too: the same context name may mean another cluster after it was made anew. */
function isOf(selection: Selection, cluster: Cluster): boolean {
  return selection.context === cluster.context && selection.server === cluster.kube.connection.server;
}
