import { VERSION } from "../../core/contract.ts";
import type { Context } from "../context.ts";

export async function run(_args: unknown, { emit, globals }: Context): Promise<number> {
  if (globals.output === "json") emit({ type: "result", name: "version", data: { version: VERSION } });
  else emit({ type: "message", level: "info", text: `azds ${VERSION}` });
  return 0;
}
