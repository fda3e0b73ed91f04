/** When the certificates of our servers expire. */
import { X509Certificate } from "node:crypto";
import { asString, at } from "../../core/parse.ts";

const DAY_MS = 24 * 60 * 60_000;

export interface CertificateState {
  /** Name of the Secret. */
  readonly secret: string;
  /** RFC 3339. */
  readonly expires: string;
  /** Whole days from now; negative after the end. */
  readonly days: number;
}

/** @param now milliseconds since the epoch; `undefined` for a Secret without a readable certificate */
export function certificateState(secret: unknown, now: number): CertificateState | undefined {
  const pem = Buffer.from(asString(at(secret, "data", "tls.crt")) ?? "", "base64");
  try {
    const end = new X509Certificate(pem).validToDate;
    const days = Math.floor((end.getTime() - now) / DAY_MS);
    return { secret: asString(at(secret, "metadata", "name")) ?? "", expires: end.toISOString(), days };
  } catch {
    return undefined;
  }
}
