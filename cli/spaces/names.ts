/** Which names a space may have. A space is a namespace, so its name is a DNS label (RFC 1123 §2.1). */
import { SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { AzdsError } from "../../core/errors.ts";

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** `default` can be a space but its namespace cannot be deleted. */
export const DEFAULT_SPACE = "default";

/** Namespaces of the cluster itself and of azds. */
export function isReserved(name: string): boolean {
  return name === SYSTEM_NAMESPACE || name.startsWith("kube-");
}

/** @throws AzdsError SPACE_NAME_INVALID, SPACE_NAME_RESERVED */
export function checkSpaceName(name: string): void {
  if (!LABEL.test(name)) throw new AzdsError("SPACE_NAME_INVALID", `\`${name}\` cannot be the name of a dev space`);
  if (isReserved(name)) throw new AzdsError("SPACE_NAME_RESERVED", `\`${name}\` is reserved`);
}

export interface SpacePath {
  readonly name: string;
  /** As written before the name, outermost first; empty for a bare name. */
  readonly above: readonly string[];
}

/** `dev/alice` → name `alice` below `dev`. @throws AzdsError SPACE_NAME_INVALID, SPACE_NAME_RESERVED */
export function parseSpacePath(path: string): SpacePath {
  const names = path.split("/");
  for (const name of names) checkSpaceName(name);
  return { name: names.at(-1) ?? "", above: names.slice(0, -1) };
}
