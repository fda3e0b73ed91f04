import { PORT } from "../../core/contract.ts";

/**
 * Ports that belong to the sidecar and agent. Those on loopback are for port-forwards only: through the redirect
 * nobody reaches them, from this pod or another.
 */
export function isSidecarPort(port: number): boolean {
  return port >= PORT.outbound && port <= PORT.enter;
}
