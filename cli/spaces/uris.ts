/** Addresses of services, from what runs and what this machine forwards. Pure. */
import { LOCAL_HOST_SUFFIX } from "../../core/contract.ts";
import { asNumber, asString, at } from "../../core/parse.ts";
import type { GatewayState } from "../cluster/gateway.ts";
import type { Tunnel } from "../settings/tunnels.ts";
import type { CurrentSpace } from "./current.ts";
import { effectiveServices } from "./effective.ts";
import type { RunningService } from "./running.ts";
import { spaceUrl } from "./url.ts";

export interface Uri {
  readonly uri: string;
  /** `Pending`: nothing answers there now. */
  readonly status: "Available" | "Pending" | "Tunneled";
}

export interface UriFacts {
  readonly services: readonly RunningService[];
  readonly tunnels: readonly Tunnel[];
  /** With its leading dot. */
  readonly hostSuffix: string;
  readonly tls: boolean;
  readonly gateway: GatewayState;
}

/** Of one space; inherited services carry its prefix. Tunnels first. */
export function urisOf(space: CurrentSpace, { services, tunnels, hostSuffix, tls, gateway }: UriFacts): readonly Uri[] {
  const forwards = tunnels.flatMap((tunnel): readonly Uri[] => {
    if (tunnel.kind !== "forward" || tunnel.space !== space.name) return [];
    return [
      {
        uri: `http://localhost:${tunnel.localPort} => ${tunnel.service}.${tunnel.space}:${tunnel.port}`,
        status: "Tunneled",
      },
    ];
  });
  const isLocal = hostSuffix === LOCAL_HOST_SUFFIX;
  const local = tunnels.find((tunnel) => tunnel.kind === "gateway" && tunnel.space === space.name);
  const addresses = effectiveServices(space, services)
    .filter(isHttp)
    .map(({ name, status }): Uri => {
      const port = isLocal ? (local === undefined ? {} : { port: local.localPort }) : { tls };
      const uri = spaceUrl({ space: space.name, root: space.root, service: name, suffix: hostSuffix, ...port });
      const isThere = status === "Running" && (isLocal ? local !== undefined : gateway.kind !== "pending");
      return { uri, status: isThere ? "Available" : "Pending" };
    });
  return [...forwards, ...addresses];
}

/** As declared by `appProtocol` or by the port's name; an unnamed port by its number. */
function isHttp({ ports }: RunningService): boolean {
  return ports.some((port) => {
    const protocol = asString(at(port, "appProtocol"));
    if (protocol !== undefined) return /^(?:http|https|.*\/h2c|.*\/ws)$/.test(protocol);
    const name = asString(at(port, "name")) ?? "";
    return name === "" ? [80, 8080].includes(asNumber(at(port, "port")) ?? 0) : /^(?:http|web)(?:-|$)/.test(name);
  });
}
