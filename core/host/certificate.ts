/** The TLS pair of one of our servers: written by the controller into a Secret, followed by the server itself. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { SYSTEM_NAMESPACE } from "../contract.ts";
import type { KubeClient } from "../kube/types.ts";
import { asString, at } from "../parse.ts";

/** PEM texts: the leaf and its private key (PKCS #8). */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Name of the Secret with the certificate of `component` (see COMPONENT). */
export function tlsSecretName(component: string): string {
  return `${component}-tls`;
}

export interface WatchCertificateOptions {
  /** Called with each content that differs from the one before, the first included. Must not throw. */
  readonly onChange: (certificate: Certificate) => void;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/**
 * Follows the Secret `name` in SYSTEM_NAMESPACE until the signal. A Secret that is missing, deleted or no valid pair
 * changes nothing: the last good certificate stays. A watch that the API server refuses ends the process: our own
 * rights are wrong.
 */
export function watchCertificate(kube: KubeClient, name: string, options: WatchCertificateOptions): void {
  void follow(kube, name, options);
}

async function follow(kube: KubeClient, name: string, options: WatchCertificateOptions): Promise<void> {
  const path = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/secrets?fieldSelector=metadata.name%3D${name}`;
  let last: Certificate | undefined;
  for await (const event of kube.watch(path, options.signal)) {
    if (event.type !== "added" && event.type !== "modified") continue;
    const certificate = certificateOfSecret(event.object);
    if (certificate === undefined || (certificate.cert === last?.cert && certificate.key === last.key)) continue;
    last = certificate;
    options.onChange(certificate);
  }
}

/** Keys of certificate and private key in a Secret's data. */
export interface PairKeys {
  readonly cert: string;
  readonly key: string;
}

/** Those of type kubernetes.io/tls. */
export const TLS_KEYS: PairKeys = { cert: "tls.crt", key: "tls.key" };

/** The pair in a Secret; `undefined` when one half is missing or unreadable, or the two do not belong together. */
export function certificateOfSecret(secret: unknown, keys: PairKeys = TLS_KEYS): Certificate | undefined {
  const cert = decoded(secret, keys.cert);
  const key = decoded(secret, keys.key);
  if (cert === "" || key === "") return undefined;
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)) ? { cert, key } : undefined;
  } catch {
    return undefined;
  }
}

function decoded(secret: unknown, key: string): string {
  return Buffer.from(asString(at(secret, "data", key)) ?? "", "base64").toString("utf8");
}
