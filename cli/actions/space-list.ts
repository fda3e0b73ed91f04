import { connect } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { listTree } from "../spaces/namespaces.ts";
import { selectedSpace } from "../spaces/selection.ts";
import { parentOf, pathOf } from "../spaces/tree.ts";

export async function run(_args: unknown, context: Context): Promise<number> {
  const cluster = await connect(context);
  const [tree, selected] = await Promise.all([listTree(cluster.kube, context.signal), selectedSpace(context, cluster)]);
  const spaces = [...tree.values()]
    .map(({ name, isSpace }) => ({
      name: pathOf(tree, name),
      namespace: name,
      parent: parentOf(tree, name),
      isSpace,
      isSelected: name === selected,
    }))
    .toSorted((a, b) => a.name.localeCompare(b.name));
  context.emit({
    type: "table",
    columns: [" ", "Name", "DevSpacesEnabled"],
    rows: spaces.map(({ name, isSpace, isSelected }) => [isSelected ? "*" : " ", name, String(isSpace)]),
  });
  context.emit({ type: "result", name: "spaces", data: spaces });
  return 0;
}
