import { connect } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { selectSpace } from "../spaces/select-space.ts";

export async function run(args: { readonly name: string | undefined }, context: Context): Promise<number> {
  const cluster = await connect(context);
  await selectSpace(context, cluster, args.name === undefined ? {} : { name: args.name });
  return 0;
}
