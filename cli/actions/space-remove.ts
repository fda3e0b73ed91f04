import { connect } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { removeSpace } from "../spaces/remove-space.ts";

export interface SpaceRemoveArgs {
  readonly name: string;
  readonly noDelete: boolean;
}

export async function run({ name, noDelete }: SpaceRemoveArgs, context: Context): Promise<number> {
  await removeSpace(context, await connect(context), { name, keepNamespace: noDelete });
  return 0;
}
