/** What a Service's port says about its protocol, so that sidecars need not look at the first bytes. */
import type { ServicePort } from "../../core/route-table.ts";
import { isOpaquePort } from "../../core/well-known-ports.ts";

export type ProtocolHint = NonNullable<ServicePort["hint"]>;

/** Values of `appProtocol`, and first words of port names. `grpc-web` and WebSocket begin as HTTP/1.1 requests. */
const BY_NAME: ReadonlyMap<string, ProtocolHint> = new Map([
  ["http", "http"],
  ["ws", "http"],
  ["grpc-web", "http"],
  ["http2", "http2"],
  ["h2c", "http2"],
  ["grpc", "http2"],
  ...["tcp", "https", "tls", "wss", "ssh", "mysql", "postgres", "postgresql", "redis", "mongo", "mongodb"].map(opaque),
  ...["amqp", "amqps", "kafka", "memcached", "smtp", "nats"].map(opaque),
]);

export interface DeclaredPort {
  readonly name: string;
  /** IANA service name or `<domain>/<protocol>`, as Kubernetes' Service reference describes it. */
  readonly appProtocol: string | undefined;
  readonly port: number;
  readonly target: number | undefined;
}

/** `appProtocol` beats the name, the name beats the number; `undefined`: look. */
export function protocolHint(port: DeclaredPort): ProtocolHint | undefined {
  const declared = BY_NAME.get((port.appProtocol ?? "").toLowerCase().replace(/^kubernetes\.io\//, ""));
  if (declared !== undefined) return declared;
  const named = BY_NAME.get(port.name) ?? BY_NAME.get(port.name.replace(/-.*/, ""));
  if (named !== undefined) return named;
  return isOpaquePort(port.port) || isOpaquePort(port.target ?? port.port) ? "opaque" : undefined;
}

function opaque(name: string): [string, ProtocolHint] {
  return [name, "opaque"];
}
