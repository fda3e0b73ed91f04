import { connect } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { selectSpace } from "../spaces/select-space.ts";

export interface SpaceCreateArgs {
  readonly name: string;
  readonly parent: string | undefined;
}

export async function run({ name, parent }: SpaceCreateArgs, context: Context): Promise<number> {
  const cluster = await connect(context);
  await selectSpace(context, cluster, { name, mustBeNew: true, ...(parent === undefined ? {} : { parent }) });
  return 0;
}
