/** Brings the plan into the network namespace of the calling thread. */
import { constants } from "node:os";
import { NetlinkError, sendBatch } from "./netlink.ts";
import { encodeBatch } from "./nf-tables.ts";
import type { Chain } from "./plan.ts";

export interface Applied {
  /** Why IPv6 connections pass without the sidecar: the node has no IPv6, or no translation of it. */
  readonly missing: string | undefined;
}

/**
 * One batch a family, because a node may have no IPv6 at all. Running it again gives the same rules.
 * @throws NetlinkError when the kernel refuses the rules
 */
export function applyRedirect(plan: readonly Chain[]): Applied {
  sendBatch(encodeBatch(plan, "ip"));
  try {
    sendBatch(encodeBatch(plan, "ip6"));
    return { missing: undefined };
  } catch (error) {
    if (!isMissingFamily(error)) throw error;
    return { missing: error.message };
  }
}

function isMissingFamily(error: unknown): error is NetlinkError {
  const { EAFNOSUPPORT, EOPNOTSUPP, ENOENT, EPROTONOSUPPORT } = constants.errno;
  return error instanceof NetlinkError && [EAFNOSUPPORT, EOPNOTSUPP, ENOENT, EPROTONOSUPPORT].includes(error.errno);
}
