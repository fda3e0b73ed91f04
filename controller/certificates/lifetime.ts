/** Whether a certificate may stay as it is. */
import { X509Certificate } from "node:crypto";

/** Share of a certificate's life after which it is replaced, so that a month of failures still harms nobody. */
const RENEW_AFTER = 2 / 3;

export interface LeafDemands {
  /** PEM of the authority that must have signed it. */
  readonly authority: string;
  /** DNS names that it must carry. */
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** `cert` is PEM; an unreadable one counts as overdue. */
export function renewalDue(cert: string, now: number): boolean {
  const x509 = readable(cert);
  if (x509 === undefined) return true;
  const begin = x509.validFromDate.getTime();
  const end = x509.validToDate.getTime();
  return now >= begin + (end - begin) * RENEW_AFTER;
}

/** True when a server may show `cert`: signed by the authority, for all names, not expired. */
export function serves(cert: string, demands: LeafDemands): boolean {
  const x509 = readable(cert);
  const authority = readable(demands.authority);
  if (x509 === undefined || authority === undefined) return false;
  return (
    x509.checkIssued(authority) &&
    x509.verify(authority.publicKey) &&
    demands.names.every((name) => x509.checkHost(name) !== undefined) &&
    demands.now < x509.validToDate.getTime()
  );
}

function readable(cert: string): X509Certificate | undefined {
  try {
    return new X509Certificate(cert);
  } catch {
    return undefined;
  }
}
