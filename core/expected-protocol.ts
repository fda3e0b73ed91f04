/** What is known of a connection's protocol before its first byte. Pure. */
import type { RouteTable } from "./routing.ts";
import { isOpaquePort } from "./well-known-ports.ts";

export interface Expectation {
  /** The destination is a Service of the table. */
  readonly known: boolean;
  /** `opaque`: relayed without a look. `undefined`: the first bytes tell. */
  readonly protocol: "http" | "opaque" | undefined;
}

/** @param opaquePorts of the pod, by its annotation */
export function expectedProtocol(
  table: RouteTable,
  destination: { readonly address: string; readonly port: number },
  opaquePorts: readonly number[],
): Expectation {
  const { address, port } = destination;
  const meanings = table.at(address, port);
  const known = meanings.length > 0;
  const first = meanings[0]?.port.hint;
  const hint = meanings.every((meaning) => meaning.port.hint === first) ? first : undefined;
  if (hint === "opaque" || (hint === undefined && isOpaquePort(port)) || opaquePorts.includes(port))
    return { known, protocol: "opaque" };
  return { known, protocol: hint === undefined ? undefined : "http" };
}
