/** The local gateway of a command: one for all its services, since it routes by host name; the first that runs starts it. */
import { AzdsError } from "../../../core/errors.ts";
import type { LocalGatewayOptions } from "../../gateway/local-gateway.ts";

/** Tried first, so that bookmarks stay valid; any free port when it is taken and none was asked for. */
const GATEWAY_PORT = 8090;

export interface SharedGateway {
  /** Its local port. `options` count only for the first caller. @throws AzdsError PORT_IN_USE */
  readonly port: (options: () => Promise<Omit<LocalGatewayOptions, "port">>) => Promise<number>;
}

/** @param asked port that the user named */
export function sharedGateway(asked: number | undefined): SharedGateway {
  let started: Promise<number> | undefined;
  return {
    port: async (options) => {
      started ??= options().then(async (ready) => serve(ready, asked));
      return started;
    },
  };
}

async function serve(options: Omit<LocalGatewayOptions, "port">, asked: number | undefined): Promise<number> {
  const { serveLocalGateway } = await import("../../gateway/local-gateway.ts");
  try {
    return await serveLocalGateway({ ...options, port: asked ?? GATEWAY_PORT });
  } catch (error) {
    if (asked !== undefined || !(error instanceof AzdsError && error.code === "PORT_IN_USE")) throw error;
    return serveLocalGateway({ ...options, port: 0 });
  }
}
