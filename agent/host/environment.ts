/** What the developer's process gets of the agent's environment: all that the pod and the image gave, nothing of ours. */
import { ENV } from "../../core/contract.ts";

const OURS: ReadonlySet<string> = new Set(Object.values(ENV));

export function applicationEnvironment(own: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(own).filter(([name]) => !OURS.has(name)));
}
